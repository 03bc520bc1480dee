// One photo, large, with what is known of it.

const detail = { photo: -1, order: [], withOriginals: false, dialog: byId("detail") };
/** What browsers can show, should the file still lie where it was. */
const SHOWN_BY_BROWSERS = /\.(jpe?g|png|webp|avif|gif|bmp)$/i;

const original = (photo) =>
  detail.withOriginals && location.protocol === "file:" && SHOWN_BY_BROWSERS.test(columns.name[photo]);

/** A large picture: the thumbnail, and the original over it where that is wanted and can be shown. */
function largePicture(photo) {
  const url = thumbnail(photo);
  const frame = make("div", { class: "large" });
  if (url === null) frame.append(make("p", { class: "missing", text: "There is no picture of this file." }));
  else frame.append(make("img", { src: url, alt: described(photo), draggable: false }));
  if (original(photo)) {
    const whole = make("img", { class: "whole", alt: "", src: address(photo), draggable: false });
    whole.addEventListener("error", () => {
      whole.remove();
      say("The original is not where it was, or the browser can't show it.");
    });
    whole.addEventListener("load", () => whole.classList.add("loaded"));
    frame.append(whole);
  }
  return frame;
}

function fact(list, name, value) {
  if (value === null || value === undefined || value === "") return;
  list.append(make("dt", { text: name }), make("dd", { dir: "auto" }, value));
}

function facts(photo) {
  const found = make("dl");
  fact(found, "Taken", dayOf(photo));
  fact(found, "Camera", columns.camera[photo]);
  fact(found, "Lens", columns.lens[photo]);
  fact(found, "Exposure", columns.exposure[photo]);
  fact(found, "Size", columns.pixels[photo]);
  fact(found, "Looks like", columns.labels[photo]);
  const technical = columns.technical[photo];
  if (technical !== null) {
    const bar = make("meter", { min: 0, max: 1, value: technical, title: `${technical} of 1` });
    fact(found, "Technical", make("span", { class: "score" }, bar, technical.toFixed(2)));
  }
  fact(found, "Blur", columns.blur[photo]);
  fact(found, "Faces", columns.faces[photo] ? String(columns.faces[photo]) : null);
  fact(found, "Rating", columns.rating[photo] > 0 ? "★".repeat(Math.min(5, columns.rating[photo])) : null);
  fact(found, "Folder", columns.folder[photo]);
  return found;
}

/** Say which groups a photo is in; each has a button that shows it. */
function groupsOf(photo) {
  const found = make("div", { class: "groups" });
  const add = (section, title, words, place) => {
    const go = () => {
      closeDetail();
      showGroup(section, place, photo);
    };
    found.append(make("div", {}, make("button", { type: "button", class: "act", text: title, onclick: go }), make("p", { text: words })));
  };
  const burst = burstOf.get(photo);
  if (burst) {
    const group = data.bursts[burst.at];
    const rank = group.picked ? (burst.place === group.pick ? "The pick" : `Frame ${burst.place + 1} of ${group.photos.length}`) : "";
    add("bursts", KINDS[group.kind] || group.kind, [rank, group.reasons[burst.place]].filter(Boolean).join(": "), group);
  }
  const copy = duplicateOf.get(photo);
  if (copy) {
    const group = data.duplicates[copy.at];
    const words = photo === group.keep[0] ? "The one to keep" : group.reasons[copy.place];
    add("duplicates", COPIES[group.kind] || group.kind, words, group);
  }
  if (clusterOf.has(photo)) {
    const cluster = data.clusters[clusterOf.get(photo)];
    add("clusters", "Cluster", `${cluster.label || "Unnamed"}, ${many(cluster.photos.length, "photo")}`, cluster);
  }
  return found;
}

/** Go to a group in its section, with a photo of it current. */
function showGroup(section, group, photo) {
  if (section === "clusters") state.opened.add(group.id);
  if (!has(group.photos)) setFilter("");
  choose(section);
  const row = list.rows.findIndex((each) => each.kind === "tiles" && each.tiles.some((tile) => tile.photo === photo));
  if (row >= 0) moveTo(row, list.rows[row].tiles.findIndex((tile) => tile.photo === photo));
}

function links(photo) {
  const files = [photo, ...(mates.get(photo) || [])];
  return make(
    "div",
    { class: "links" },
    ...files.map((at) => make("a", { href: address(at), target: "_blank", rel: "noopener noreferrer", text: shownPath(at), dir: "auto" })),
    make("button", { type: "button", class: "act", text: "Copy path", onclick: () => copyPaths(files, "of this photo") }),
  );
}

function drawDetail() {
  const { dialog, photo } = detail;
  const at = detail.order.indexOf(photo);
  const stage = dialog.querySelector(".stage");
  const side = dialog.querySelector(".facts");
  dialog.classList.toggle("comparing", compared.is);
  const pair = compared.is ? pairOf(photo) : null;
  dialog.setAttribute("aria-label", columns.name[photo]);
  byId("compare").hidden = pairOf(photo) === null;
  byId("compare").setAttribute("aria-pressed", String(pair !== null));
  byId("original").hidden = location.protocol !== "file:";
  byId("original").setAttribute("aria-pressed", String(detail.withOriginals));
  byId("previous").disabled = at <= 0;
  byId("next").disabled = at < 0 || at === detail.order.length - 1;
  if (pair !== null) {
    stage.replaceChildren(...comparedPictures(pair));
    side.replaceChildren(comparedScores(pair));
    return;
  }
  stage.replaceChildren(largePicture(photo));
  side.replaceChildren(make("h2", { text: columns.name[photo], dir: "auto" }), facts(photo), groupsOf(photo), links(photo));
}

function openDetail(photo, order = state.order) {
  detail.photo = photo;
  detail.order = order;
  if (!detail.dialog.open) {
    compared.is = false;
    detail.dialog.showModal();
    detail.dialog.focus();
  }
  drawDetail();
}

function step(by) {
  const at = detail.order.indexOf(detail.photo) + by;
  if (at < 0 || at >= detail.order.length) return;
  detail.photo = detail.order[at];
  drawDetail();
}

function toggleOriginals() {
  detail.withOriginals = !detail.withOriginals;
  drawDetail();
}

/** Make the photo that was seen last the current one. */
function leaveDetail() {
  const { photo } = detail;
  detail.photo = -1;
  compared.is = false;
  if (state.section === "map") return byId("plane").focus();
  const here = currentTile();
  if (here && here.photo === photo) return moveTo(state.row, state.tile);
  const row = list.rows.findIndex((each) => each.kind === "tiles" && each.tiles.some((tile) => tile.photo === photo));
  if (row >= 0) moveTo(row, list.rows[row].tiles.findIndex((tile) => tile.photo === photo));
}

/** The event of closing comes late, after keys that were pressed since: what it would do is done at once. */
function closeDetail() {
  detail.dialog.close();
  leaveDetail();
}

detail.dialog.addEventListener("close", () => {
  if (!detail.dialog.open && detail.photo >= 0) leaveDetail(); // the browser closed it by itself
});
byId("previous").addEventListener("click", () => step(-1));
byId("next").addEventListener("click", () => step(1));
byId("close").addEventListener("click", closeDetail);
byId("original").addEventListener("click", toggleOriginals);
byId("compare").addEventListener("click", () => toggleCompare());
detail.dialog.addEventListener("click", (event) => {
  if (event.target === detail.dialog) closeDetail();
});
