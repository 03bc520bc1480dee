// What may go, what it frees and why; moved into the trash, and brought back.

import { byId, get, make, many, readOnly, say, send } from "/api.js";

const MOST = 500;
const KINDS = { duplicate: "Copy", rejected: "Rejected" };
export const KEYS = [["Tab, Enter", "To the buttons, and press them"]];
let parts = null;

const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`);

export async function open(main, filters) {
  parts = {
    words: make("div", { class: "words", role: "status" }),
    list: make("ul", { class: "going", tabIndex: 0, "aria-label": "What may go" }),
    move: make("button", { type: "button", class: "act strong", text: "Move into the trash", disabled: true, onclick: move }),
  };
  const back = make("button", { type: "button", class: "act", text: "Bring back the last", onclick: bringBack });
  filters.replaceChildren();
  main.replaceChildren(make("section", { class: "bursts", "aria-label": "Reclaim" }, parts.words, parts.list,
    make("div", { class: "acts", role: "group", "aria-label": "Act" }, parts.move, back)));
  parts.words.textContent = "Looking at what may go";
  await load();
}

export async function load() {
  const found = await get("/api/reclaim");
  byId("left").textContent = "";
  parts.move.disabled = readOnly || found.files.length === 0;
  parts.words.replaceChildren(
    make("strong", { text: found.files.length ? `${many(found.files.length, "file")}, ${size(found.size)}` : "Nothing may go." }),
    make("p", { text: "Each is read again before it is moved, and so is the file that is kept for it. The room is free once the trash is emptied: photoidx trash empty" }),
    found.staying.length ? make("p", { text: `${many(found.staying.length, "file")} stay: ${found.staying[0]}` }) : null);
  parts.list.replaceChildren(...found.files.slice(0, MOST).map((file) =>
    make("li", {}, make("img", { src: `/thumb/${file.content}`, alt: "" }),
      make("span", {}, make("strong", { text: file.name }), ` ${KINDS[file.what]}, ${size(file.size)}`, make("br"),
        make("span", { class: "quiet", text: `${file.folder} · ${file.reason}` })))));
}

async function act(address) {
  parts.move.disabled = true;
  const done = await send(address);
  await load();
  if (done && done.words) say(done.words, done.problems);
}

const move = () => act("/api/reclaim");
const bringBack = () => act("/api/bring-back");

export const key = () => false;
export function close() {
  byId("left").textContent = "";
}
