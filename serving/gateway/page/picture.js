// An item's picture, or a quiet tile where it has none.

import { send } from "./api.js";
import { el, icon } from "./dom.js";
import { nameOf } from "./format.js";
import { heldKey } from "./key.js";

export function picture(item, { decorative = true, eager = false } = {}) {
  const frame = el("span", { class: "picture" });
  if (!item.image) return noPicture(frame);
  const image = el("img", { alt: decorative ? "" : `Picture of ${nameOf(item)}`, loading: eager ? "eager" : "lazy", decoding: "async" });
  image.addEventListener("error", () => noPicture(frame));
  const path = `pictures/${item.image.split("/").map(encodeURIComponent).join("/")}`;
  if (heldKey()) fetchInto(image, path, frame);
  else image.src = path;
  frame.append(image);
  return frame;
}

// An <img> cannot send a key, so the page fetches the picture itself.
async function fetchInto(image, path, frame) {
  try {
    const url = URL.createObjectURL(await (await send(path)).blob());
    image.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
    image.src = url;
  } catch {
    noPicture(frame);
  }
}

function noPicture(frame) {
  frame.classList.add("none");
  frame.replaceChildren(icon("picture"));
  return frame;
}
