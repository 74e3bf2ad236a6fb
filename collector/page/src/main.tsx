// Entry: the page in #app.
import { render } from "preact";
import "./style.css";

render(<p>Sonde</p>, document.getElementById("app")!);
