// The page itself with one profile in it, in a file that needs nothing else and asks nobody: opened from a disk, it has
// the views of a profile, search and filters.
import type { Flame } from "../api";
import { escapeMarkup } from "./svg";

const HOLDER = "sonde-profile";

// What a saved page was of, beside the profile.
export interface Kept {
  flame: Flame;
  root: string; // label whose values are its first frames; "" = none
  query: string; // the state it was saved in, as in the address bar
}

// Markup in which names cannot end the script that holds them.
export function inScript(value: unknown): string {
  return JSON.stringify(value)
    .replace(/</g, "\\u003c")
    .replace(/\u2028/g, "\\u2028")
    .replace(/\u2029/g, "\\u2029");
}

export interface Parts {
  script: string;
  style: string;
  nonce: string; // nobody can know it beforehand, so no name in the profile can become a script
}

export function oneFile(kept: Kept, title: string, { script, style, nonce }: Parts): string {
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeMarkup(title)}</title>
<style nonce="${nonce}">${style.replace(/<\//g, "<\\/")}</style>
</head>
<body>
<div id="app"></div>
<script type="application/json" id="${HOLDER}">${inScript(kept)}</script>
<script type="module" nonce="${nonce}">${script.replace(/<\/script/gi, "<\\/script")}</script>
</body>
</html>
`;
}

// The profile that this document holds, when it is a saved page.
export function keptHere(): Kept | null {
  const holder = document.getElementById(HOLDER);
  return holder && (JSON.parse(holder.textContent!) as Kept);
}

// The page's own parts: from the collector, or from the saved page that this is.
export async function partsHere(): Promise<Parts> {
  const nonce = [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  const own = async (link: string | undefined, inline: string) =>
    link ? await (await fetch(link)).text() : document.querySelector(inline)!.textContent!;
  const script = document.querySelector<HTMLScriptElement>("script[type=module][src]")?.src;
  const style = document.querySelector<HTMLLinkElement>("link[rel=stylesheet]")?.href;
  return { script: await own(script, "script[type=module]"), style: await own(style, "style"), nonce };
}
