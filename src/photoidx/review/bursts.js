// One burst at a time: its pick large, a filmstrip, the reason in words, and keys that decide.

import { address, byId, get, go, make, many, picture, say, send } from "/api.js";
import { closeUp, layAll, look, Pane, setClose, sharpest } from "/viewer.js";

const STATES = { all: "All", undecided: "Undecided", close: "Close calls", shut: "Closed eyes", rated: "Rated" };
const TEST = {
  all: () => true,
  undecided: (burst) => !burst.decided,
  close: (burst) => burst.close,
  shut: (burst) => burst.shut,
  rated: (burst) => burst.stars > 0,
};
const FLAGS = { best: "Pick", keep: "Kept", reject: "Rejected" };
const MOST_PANES = 4;
const FIRST_GUESS_S = 8;

export const KEYS = [
  ["← →", "Frame before, frame after"],
  ["↑ ↓", "Burst before, burst after"],
  ["Space", "To the pick and back, at the same zoom and place"],
  ["z", "100 %, at the face or the sharpest part"],
  ["f", "Faces of all frames"],
  ["Tab", "Two, three, four side by side: the pick stays, the others move"],
  ["p", "Pick"],
  ["x", "Reject"],
  ["u", "Unset"],
  ["1 to 5", "Rate"],
  ["Enter", "Accept: the pick is the best, what is not to be kept is rejected; and on to the next"],
  ["Ctrl-Z", "Undo, without end"],
  ["Esc", "Leave 100 %, the faces, or the comparison"],
  ["?", "These keys"],
];

const state = { all: [], shown: [], burst: null, frame: 0, before: 0, panes: [], count: 1, faces: false, times: [], since: 0 };
let parts = null;

const settings = () => address().settings;
const current = () => state.burst && state.burst.frames[state.frame];

export async function open(main, filters) {
  parts = {
    stage: make("div", { class: "panes" }),
    strip: make("div", { class: "strip", role: "listbox", "aria-label": "Frames", tabIndex: 0 }),
    words: make("div", { class: "words", "aria-live": "polite" }),
    faces: make("div", { class: "faces", hidden: true, tabIndex: 0, role: "region", "aria-label": "Faces" }),
    empty: make("p", { class: "plain", hidden: true, text: "No burst fulfils the filter." }),
  };
  const act = (text, key, work, strong = "") =>
    make("button", { type: "button", class: `act ${strong}`, title: key, text, onclick: work });
  const acts = make("div", { class: "acts", role: "group", "aria-label": "Decide" },
    act("Reject", "x", () => decide("reject")), act("Unset", "u", unset), act("Pick", "p", () => decide("best")),
    act("Accept", "Enter", accept, "strong"), act("Undo", "Ctrl-Z", undo));
  main.replaceChildren(make("section", { class: "bursts", "aria-label": "Burst" },
    parts.stage, parts.faces, parts.words, parts.strip, acts, parts.empty));
  swipe(parts.stage);
  state.filters = filters;
  state.burst = null;
  setPanes(1);
  say("Reading the library", true);
  await load(true);
  if (byId("saved").textContent === "Reading the library") say("");
}

/** Read the list anew; the burst that is looked at stays, with what was decided of it. */
export async function load(byAddress = false) {
  const found = await get("/api/bursts");
  state.all = found.bursts;
  if (found.waiting) say(found.waiting, true);
  choose();
  const wanted = byAddress ? address().words[0] : state.wanted;
  const id = state.all.some((each) => each.id === wanted) ? wanted : state.shown[0]?.id;
  parts.empty.hidden = id !== undefined;
  if (id !== undefined) await show(id, state.burst?.id === id);
  else say("");
  tellLeft();
}

function choose() {
  const asked = settings();
  const test = TEST[asked.get("show")] || TEST.all;
  const [folder, day] = [asked.get("folder"), asked.get("day")];
  state.shown = state.all.filter(
    (each) => test(each) && (!folder || each.folder === folder) && (!day || each.day === day),
  );
  const select = (name, label, values) =>
    make("label", {}, label, make("select", { name, onchange: (event) => filter(name, event.target.value) },
      ...values.map(([value, text]) => make("option", { value, text, selected: (asked.get(name) || "") === value }))));
  const unique = (name) => [...new Set(state.all.map((each) => each[name]).filter(Boolean))].sort();
  state.filters.replaceChildren(
    select("show", "Show ", Object.entries(STATES).map(([value, text]) => [value === "all" ? "" : value, text])),
    select("folder", "Folder ", [["", "Any"], ...unique("folder").map((each) => [each, each])]),
    select("day", "Day ", [["", "Any"], ...unique("day").map((each) => [each, each])]),
  );
}

function filter(name, value) {
  const asked = settings();
  if (value) asked.set(name, value);
  else asked.delete(name);
  go("bursts", [], asked);
  state.burst = null;
  state.wanted = null;
  load();
}

function tellLeft() {
  const left = state.all.filter((each) => !each.decided).length;
  const times = [...state.times].sort((a, b) => a - b);
  const each = times.length ? times[Math.floor(times.length / 2)] : FIRST_GUESS_S;
  const minutes = Math.max(1, Math.round((left * each) / 60));
  byId("left").textContent = left
    ? `${left.toLocaleString("en")} of ${many(state.all.length, "burst")} left, about ${minutes} min`
    : `${many(state.all.length, "burst")}, all decided`;
}

async function show(id, stay = false) {
  state.wanted = id;
  const burst = await get(`/api/bursts/${encodeURIComponent(id)}`);
  if (state.wanted !== id) return; // another one was asked for meanwhile
  const frame = stay ? state.frame : burst.pick;
  state.burst = burst;
  state.frame = Math.min(frame, burst.frames.length - 1);
  if (!stay) Object.assign(state, { before: burst.pick, since: performance.now(), faces: false });
  go("bursts", [id], settings(), true);
  draw();
  fetchAhead();
}

/** Fetch the frames around this one, then the next burst's pick, before they are asked for. */
function fetchAhead() {
  const { frames } = state.burst;
  const near = [1, -1, 2, -2, 3].map((by) => frames[state.frame + by]).filter(Boolean);
  near.forEach((frame) => picture(frame.content, "work"));
  if (look.close) near.slice(0, 2).forEach((frame) => picture(frame.content, "full"));
  const next = state.shown[state.shown.findIndex((each) => each.id === state.burst.id) + 1];
  if (next) picture(next.content, "work");
}

function setPanes(count) {
  state.count = count;
  state.panes.forEach((pane) => pane.close());
  state.panes = Array.from({ length: count }, (_none, at) => new Pane(at ? `Frame ${at + 1}` : "Frame"));
  parts.stage.replaceChildren(...state.panes.map((pane) => pane.element));
  parts.stage.dataset.count = count;
}

/** Which frames the panes show: alone the current one; side by side the pick first, then those from the current on. */
function framesShown() {
  const { frames, pick } = state.burst;
  if (state.count === 1) return [state.frame];
  const others = frames.map((_frame, at) => at).filter((at) => at !== pick);
  const from = Math.max(0, others.indexOf(state.frame));
  return [pick, ...Array.from({ length: state.count - 1 }, (_none, by) => others[(from + by) % others.length])];
}

const badge = (frame, at) => FLAGS[frame.flag] || (at === state.burst.pick ? "Suggested" : "");
const described = (frame, at) =>
  [frame.name, badge(frame, at), frame.stars ? many(frame.stars, "star") : "", frame.reason].filter(Boolean).join(", ");

function draw() {
  const { frames } = state.burst;
  const places = framesShown();
  state.panes.forEach((pane, number) => {
    const frame = frames[places[number]];
    pane.show(frame.content, described(frame, places[number]));
    pane.caption.textContent = state.count > 1 ? `${frame.name} ${badge(frame, places[number])}` : "";
    pane.element.classList.toggle("held", state.count > 1 && number === 0);
  });
  parts.strip.replaceChildren(...frames.map((frame, at) => {
    const flag = badge(frame, at);
    return make("button", {
      type: "button", class: `frame ${frame.flag}`, role: "option", tabIndex: -1, id: `frame-${at}`,
      "aria-selected": String(at === state.frame), onclick: () => moveTo(at),
    },
    make("span", { class: "unseen", text: `${frame.name} ` }),
    make("span", { class: "thumb" }, make("img", { src: `/thumb/${frame.content}`, alt: "" }),
      flag ? make("span", { class: "badge", text: flag }) : null,
      frame.stars ? make("span", { class: "stars", role: "img", "aria-label": many(frame.stars, "star"), text: "★".repeat(frame.stars) }) : null),
    make("span", { class: "why", text: frame.reason }));
  }));
  parts.strip.setAttribute("aria-activedescendant", `frame-${state.frame}`);
  parts.strip.children[state.frame].scrollIntoView({ block: "nearest", inline: "nearest" });
  const frame = current();
  const place = state.shown.findIndex((each) => each.id === state.burst.id);
  parts.words.replaceChildren(
    make("strong", { text: frame.name }),
    make("span", { class: "quiet", text: ` ${state.frame + 1} of ${frames.length}${place < 0 ? "" : `, burst ${place + 1} of ${state.shown.length}`}` }),
    make("span", { text: ` ${badge(frame, state.frame)}${frame.stars ? ` ${"★".repeat(frame.stars)}` : ""}` }),
    make("p", { text: frame.reason }),
  );
  parts.faces.hidden = !state.faces;
  parts.stage.hidden = state.faces;
  if (state.faces) drawFaces();
  else layAll();
}

/** Draw each person's face over all frames: the faces of other frames that are nearest to those of the pick. */
async function drawFaces() {
  const { frames, pick, id } = state.burst;
  const people = frames[pick].faces.length ? frames[pick].faces : frames.flatMap((frame) => frame.faces).slice(0, 1);
  const centre = ({ box: [x, y, w, h] }) => [x + w / 2, y + h / 2];
  const away = (one, other) => Math.hypot(centre(one)[0] - centre(other)[0], centre(one)[1] - centre(other)[1]);
  const rows = people.map(() => make("div", { class: "person" }));
  parts.faces.replaceChildren(...(rows.length ? rows : [make("p", { class: "plain", text: "No faces were found here." })]));
  for (const [at, frame] of frames.entries()) {
    const image = await picture(frame.content, "work").catch(() => null);
    if (state.burst.id !== id || !state.faces) return;
    people.forEach((person, row) => {
      const near = frame.faces.filter((face) => away(face, person) < person.box[2] * 1.5);
      const face = near.sort((one, other) => away(one, person) - away(other, person))[0];
      const words = face
        ? [face.eyes && `eyes ${face.eyes}`, face.smile !== null && `smile ${Math.round(Math.min(1, Math.max(0, face.smile)) * 100)} %`].filter(Boolean).join(", ")
        : "not found";
      rows[row].append(make("button", {
        type: "button", class: "face", "aria-pressed": String(at === state.frame), "aria-label": `${frame.name}: ${words}`, onclick: () => moveTo(at),
      }, face && image ? closeUp(image, face.box, 160) : make("span", { class: "none" }), make("span", { text: words })));
    });
  }
}

function moveTo(at) {
  if (!state.burst || at < 0 || at >= state.burst.frames.length || at === state.frame) return;
  state.before = state.frame;
  state.frame = at;
  draw();
  fetchAhead();
}

/** In a comparison the pick is held still: moving passes it over. */
function move(by) {
  let at = state.frame + by;
  if (state.count > 1 && at === state.burst.pick) at += by;
  moveTo(at);
}

function moveBurst(by) {
  const at = state.shown.findIndex((each) => each.id === state.burst?.id) + by;
  if (state.shown[at]) show(state.shown[at].id);
}

function flip() {
  const { pick } = state.burst;
  moveTo(state.frame === pick ? state.before : pick);
}

async function zoom() {
  if (look.close) return setClose(false);
  const frame = current();
  const [face] = [...frame.faces].sort((one, other) => other.box[2] - one.box[2]);
  if (face) [look.x, look.y] = [face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2];
  else [look.x, look.y] = await picture(frame.content, "work").then(sharpest, () => [0.5, 0.5]);
  setClose(true);
  fetchAhead();
}

/** Show a decision at once; the tables follow. */
function flag(frame, word) {
  const { frames } = state.burst;
  if (word === "best") frames.forEach((each) => { if (each.flag === "best") each.flag = ""; });
  frame.flag = word;
  const chosen = frames.findIndex((each) => each.flag === "best");
  const open = frames.filter((each) => each.flag !== "reject");
  const first = (open.length ? open : frames).reduce((one, other) => (other.rank < one.rank ? other : one));
  state.burst.pick = chosen >= 0 ? chosen : frames.indexOf(first);
  draw();
}

const after = async (work) => { if (!(await work)) load(); };

function decide(verb) {
  const frame = current();
  if (!frame) return;
  flag(frame, verb);
  after(send("/api/decide", { decisions: [{ verb, shots: [frame.shot] }] }));
}

function unset() {
  const frame = current();
  if (!frame) return;
  flag(frame, "");
  after(send("/api/unset", { shots: frame.shots }));
}

function rate(stars) {
  const frame = current();
  if (!frame) return;
  frame.stars = stars;
  draw();
  after(send("/api/decide", { decisions: [{ verb: `rate-${stars}`, shots: [frame.shot] }] }));
}

function accept() {
  if (!state.burst) return;
  const { id } = state.burst;
  state.times = [...state.times, (performance.now() - state.since) / 1000].slice(-20);
  const listed = state.all.find((each) => each.id === id);
  if (listed) listed.decided = true;
  const at = state.shown.findIndex((each) => each.id === id);
  after(send(`/api/bursts/${encodeURIComponent(id)}/accept`));
  const next = state.shown[at + 1];
  if (next) show(next.id);
  else say("That was the last one.");
  tellLeft();
}

function undo() {
  send("/api/undo").then(() => load());
}

export function key(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") return undo();
  if (event.ctrlKey || event.metaKey || event.altKey || !state.burst) return false;
  const work = {
    ArrowLeft: () => move(-1), ArrowRight: () => move(1), ArrowUp: () => moveBurst(-1), ArrowDown: () => moveBurst(1),
    " ": flip, z: zoom, p: () => decide("best"), x: () => decide("reject"), u: unset, Enter: accept,
    f: () => { state.faces = !state.faces; draw(); },
    Tab: () => { setPanes((state.count % Math.min(MOST_PANES, state.burst.frames.length)) + 1); draw(); },
    Escape: () => { state.faces = false; if (look.close) setClose(false); else setPanes(1); draw(); },
  }[event.key] || (/^[1-5]$/.test(event.key) ? () => rate(Number(event.key)) : null);
  if (!work) return false;
  // Tab leaves the page by the keyboard where the focus is on something of its own.
  const own = event.target.closest("button, select, a, input, textarea");
  if (own && !own.closest(".strip") && ["Tab", "Enter", " ", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"].includes(event.key)) return false;
  if (event.key === "Tab" && (event.shiftKey || event.target.closest(".strip, .faces"))) return false;
  work();
  return true;
}

function swipe(element) {
  let from = null;
  element.addEventListener("touchstart", (event) => { from = event.touches.length === 1 ? event.touches[0] : null; }, { passive: true });
  element.addEventListener("touchend", (event) => {
    if (!from || look.close) return;
    const to = event.changedTouches[0];
    const [x, y] = [to.clientX - from.clientX, to.clientY - from.clientY];
    if (Math.abs(x) > 50 && Math.abs(x) > 2 * Math.abs(y)) move(x < 0 ? 1 : -1);
    else if (y < -70 && Math.abs(y) > 2 * Math.abs(x)) accept();
  });
}

export function close() {
  state.panes.forEach((pane) => pane.close());
  state.panes = [];
  look.close = false;
  byId("left").textContent = "";
}
