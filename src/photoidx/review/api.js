// What every view uses: elements, requests, what is being saved, pictures that were fetched before they are asked for.

export const byId = (id) => document.getElementById(id);
export const readOnly = document.documentElement.dataset.mode === "read-only";

/** Make an element. Text is only ever set as text. */
export function make(tag, settings = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(settings)) {
    if (value === null || value === undefined) continue;
    if (name === "text") element.textContent = value;
    else if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export const many = (count, one, more = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

let sayTimer = 0;

/** Say something where it is seen and read out; it stays while it is a problem. */
export function say(text, stays = false) {
  byId("saved").textContent = text;
  byId("saved").classList.toggle("problem", stays);
  clearTimeout(sayTimer);
  if (text && !stays) sayTimer = setTimeout(() => say(""), 2500);
}

export async function get(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

let unsaved = 0;

/** Say that nothing is the matter any more, or that something is still being saved. */
export const calm = () => say(unsaved ? "Saving" : "");

let chain = Promise.resolve();

/** Send what is to be written, one after another. What was not saved is said, and the page asks before it is left. */
export function send(address, body = {}) {
  if (readOnly) {
    say("This review is read-only.", true);
    return Promise.resolve(false);
  }
  unsaved += 1;
  say("Saving");
  chain = chain.then(async () => {
    try {
      const answer = await fetch(address, { method: "POST", body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(await answer.text());
      unsaved -= 1;
      if (unsaved === 0) say("Saved");
      return await answer.json();
    } catch (error) {
      unsaved -= 1;
      say(`Not saved: ${error.message}`, true);
      return false;
    }
  });
  return chain;
}

addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});

const MOST = { work: 24, full: 4 };
const kept = { work: new Map(), full: new Map() };

/** Fetch and decode a picture once; the last few stay. The promise fails with the server's words. */
export function picture(content, size) {
  const known = kept[size];
  let found = known.get(content);
  if (found) known.delete(content);
  else {
    const image = new Image();
    image.src = `/picture/${size}/${content}`;
    found = image.decode().then(
      () => image,
      async () => {
        known.delete(content);
        const answer = await fetch(image.src);
        throw new Error(answer.ok ? "It can't be shown." : await answer.text());
      },
    );
    found.catch(() => {});
  }
  known.set(content, found);
  for (const first of known.keys()) {
    if (known.size <= MOST[size]) break;
    known.delete(first);
  }
  return found;
}

/** The hash of the address: a view, the words after it, and its settings. */
export function address() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...words] = path.split("/").map(decodeURIComponent);
  return { view: view || "bursts", words, settings: new URLSearchParams(query || "") };
}

export function go(view, words = [], settings = new URLSearchParams(), replace = false) {
  const query = settings.toString();
  const hash = `#/${[view, ...words].map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;
  if (hash === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
}
