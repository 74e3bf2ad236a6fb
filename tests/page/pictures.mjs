// Pictures of the page held against kept ones. Told apart are places, sizes and colours of what is on it, not letters:
// both pictures are averaged over squares, and a share of squares may differ, as times and fonts do.
// SONDE_PAGE_PICTURES=DIRECTORY keeps what is seen there instead, to be looked at and put in the place of the kept ones.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SQUARE = 12; // pixels of the kept picture
const FAR = 14; // of 255, by which one colour of a square must differ
const MOST = 0.004; // of all squares
const WIDTH = 640; // of a kept picture; higher ones are as high as they are

export class Pictures {
  // `folder`: of the kept ones.
  static async open(browser, folder) {
    const page = await (await browser.newContext()).newPage();
    return new Pictures(page, folder);
  }

  constructor(page, folder) {
    this.page = page; // of its own, to read pictures in
    this.folder = folder;
    this.writeTo = process.env.SONDE_PAGE_PICTURES;
    this.written = new Set();
  }

  // The share of squares in which what `page` shows differs from the kept picture of this name; 1 of another size.
  async differenceOf(page, name) {
    const seen = await this.shrink(await page.screenshot({ animations: "disabled" }));
    const file = join(this.writeTo ?? this.folder, `${name}.jpg`);
    if (this.writeTo && !this.written.has(name)) writeFileSync(file, Buffer.from(seen.split(",")[1], "base64"));
    this.written.add(name);
    return this.page.evaluate(compare, {
      seen,
      kept: `data:image/jpeg;base64,${readFileSync(file, "base64")}`,
      square: SQUARE,
      far: FAR,
    });
  }

  isAsKept(difference) {
    return difference <= MOST;
  }

  shrink(screenshot) {
    return this.page.evaluate(shrink, { png: `data:image/png;base64,${screenshot.toString("base64")}`, width: WIDTH });
  }
}

// In the browser: a JPEG of this width, or the picture's own where it is narrower.
async function shrink({ png, width }) {
  const picture = await createImageBitmap(await (await fetch(png)).blob());
  const scale = Math.min(1, width / picture.width);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.6);
}

// In the browser.
async function compare({ seen, kept, square, far }) {
  const read = async (url) => {
    const picture = await createImageBitmap(await (await fetch(url)).blob());
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    return context.getImageData(0, 0, picture.width, picture.height);
  };
  const [a, b] = [await read(seen), await read(kept)];
  if (a.width !== b.width || a.height !== b.height) return 1;
  const mean = (image, left, top, channel) => {
    let sum = 0;
    for (let y = top; y < top + square; y++)
      for (let x = left; x < left + square; x++) sum += image.data[4 * (y * image.width + x) + channel];
    return sum / (square * square);
  };
  let [all, different] = [0, 0];
  for (let top = 0; top + square <= a.height; top += square) {
    for (let left = 0; left + square <= a.width; left += square) {
      all++;
      if ([0, 1, 2].some((c) => Math.abs(mean(a, left, top, c) - mean(b, left, top, c)) > far)) different++;
    }
  }
  return different / all;
}
