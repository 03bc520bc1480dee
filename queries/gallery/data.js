"use strict";
// The data that the page was given, and small tools that every other part uses.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);

/** A column is a list of values, or a list of numbers into a list of texts. */
const columns = Object.fromEntries(
  Object.entries(data.photos).map(([name, column]) => [
    name,
    Array.isArray(column) ? column : column.at.map((at) => (at < 0 ? null : column.values[at])),
  ]),
);
const photoCount = columns.name.length;
const leads = columns.lead.map((lead, at) => at).filter((at) => columns.lead[at] === at);

/** The files of each shot beside the one that stands for it. */
const mates = new Map();
columns.lead.forEach((lead, at) => {
  if (lead !== at) mates.set(lead, [...(mates.get(lead) || []), at]);
});

const burstOf = new Map();
data.bursts.forEach((burst, at) => burst.photos.forEach((photo, place) => burstOf.set(photo, { at, place })));
const duplicateOf = new Map();
data.duplicates.forEach((group, at) => group.photos.forEach((photo, place) => duplicateOf.set(photo, { at, place })));
const clusterOf = new Map();
data.clusters.forEach((cluster, at) => cluster.photos.forEach((photo) => clusterOf.set(photo, at)));

/** Make an element. Text is only ever set as text. */
function make(tag, settings = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(settings)) {
    if (name === "text") element.textContent = value;
    else if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const blocks = new Map();

/** Give the address of a photo's thumbnail; null if it has none, or if its part of the page is still to come. */
function thumbnail(photo) {
  const at = columns.thumb[photo];
  if (at < 0) return null;
  if (data.thumbs !== null) {
    const id = data.contents[at];
    return `${data.thumbs}/${id.slice(0, 2)}/${id}.jpg`;
  }
  const number = Math.floor(at / data.block);
  if (!blocks.has(number)) {
    const block = byId(`thumbs-${number}`);
    if (block === null || (document.readyState === "loading" && block.nextElementSibling === null)) return null;
    blocks.set(number, block.textContent.split("\n"));
  }
  const text = blocks.get(number)[at % data.block];
  return text ? `data:image/jpeg;base64,${text}` : null; // it could not be read
}

const joined = (folder, name) => (folder.endsWith(data.separator) ? folder + name : folder + data.separator + name);

/** The path as it is shown; odd characters are spelt out in it. */
const shownPath = (photo) => joined(columns.folder[photo], columns.name[photo]);

/** The path as a list of paths can hold it; null if its name has a line break or bytes of no text. */
const listedPath = (photo) => (photo in data.odd ? data.odd[photo].path : shownPath(photo));

function address(photo) {
  if (photo in data.odd) return data.odd[photo].uri;
  return `${columns.uri[photo].replace(/\/$/, "")}/${encodeURIComponent(columns.name[photo])}`;
}

const MONTHS = "January February March April May June July August September October November December".split(" ");

function monthOf(photo) {
  const time = columns.time[photo];
  return time === null ? "Without a date" : `${MONTHS[Number(time.slice(5, 7)) - 1]} ${time.slice(0, 4)}`;
}

function dayOf(photo) {
  const time = columns.time[photo];
  return time === null ? null : `${Number(time.slice(8, 10))} ${monthOf(photo)}, ${time.slice(11)}`;
}

/** What a photo is called where it can't be seen. */
const described = (photo) => [columns.name[photo], columns.labels[photo], dayOf(photo)].filter(Boolean).join(", ");

const many = (count, one, more = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

const searched = [];

/** Tell whether a photo has all the words, in its names, labels, folder, camera or time. */
function matches(photo, words) {
  if (!words.length) return true;
  if (searched[photo] === undefined) {
    const files = [photo, ...(mates.get(photo) || [])];
    const texts = files.map((at) => shownPath(at));
    texts.push(columns.labels[photo], columns.camera[photo], columns.time[photo], monthOf(photo));
    searched[photo] = texts.filter(Boolean).join("\n").toLowerCase();
  }
  return words.every((word) => searched[photo].includes(word));
}

let statusTimer = 0;

function say(text) {
  const line = byId("status");
  line.textContent = text;
  if (line.matches(":popover-open")) line.hidePopover();
  line.showPopover(); // above a dialog, too
  clearTimeout(statusTimer);
  statusTimer = setTimeout(() => line.hidePopover(), 4000);
}

/** Put the paths of photos into the clipboard, a line each. */
async function copyPaths(photos, what) {
  const paths = photos.map(listedPath);
  const fit = paths.filter((path) => path !== null);
  const left = paths.length - fit.length;
  const note = left ? `; ${many(left, "path")} left out, which no list can hold` : "";
  try {
    await navigator.clipboard.writeText(fit.map((path) => `${path}\n`).join(""));
    say(`Copied ${many(fit.length, "path")} ${what}${note}.`);
  } catch {
    say("The browser did not allow copying.");
  }
}
