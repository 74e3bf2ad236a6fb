// Entry: the page in #app, of the collector that served it or of the profile that was saved with it.
import { render } from "preact";
import { App } from "./app";
import { keptHere } from "./export/one_file";
import { SavedPage } from "./saved_page";
import "./style.css";

const kept = keptHere();
render(kept ? <SavedPage kept={kept} /> : <App />, document.getElementById("app")!);
