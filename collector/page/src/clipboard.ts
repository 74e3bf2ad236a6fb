// Puts text on the clipboard. Where the page is not from this host and not by HTTPS, browsers have no clipboard for it:
// then the text is shown to be copied by hand.
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    prompt("Copy this:", text);
  }
}
