// Two frames of a burst side by side: the pick, and the one that is looked at.

const compared = { is: false };
/** The measures of a frame, in the order of its scores; whether more is better. */
const MEASURES = [
  ["Technical", true, 2],
  ["Sharpness of the subject", true, 2],
  ["Sharpness of the softest face", true, 2],
  ["Eyes open", true, 2],
  ["Smile", true, 2],
  ["Noise", false, 1],
];

/** Give the burst and the places of the pick and of this frame in it; null if nothing was picked there, or if the pick is not shown. */
function pairOf(photo) {
  const found = burstOf.get(photo);
  if (!found || data.bursts[found.at].pick < 0) return null;
  const { pick } = data.bursts[found.at];
  return { burst: data.bursts[found.at], left: pick, right: found.place !== pick ? found.place : pick === 0 ? 1 : 0 };
}

function comparedPictures({ burst, left, right }) {
  return [left, right].map((place) => {
    const photo = burst.photos[place];
    const rank = place === burst.pick ? "Pick" : `Frame ${place + 1} of ${burst.photos.length}`;
    const words = make("figcaption", {}, make("strong", { text: rank }), " ", make("span", { text: columns.name[photo], dir: "auto" }), make("p", { text: burst.reasons[place] }));
    return make("figure", {}, largePicture(photo), words);
  });
}

function comparedScores({ burst, left, right }) {
  const table = make("table", {}, make("tr", {}, make("th"), make("th", { scope: "col", text: "Pick" }), make("th", { scope: "col", text: "This one" })));
  MEASURES.forEach(([name, more, digits], at) => {
    const values = [left, right].map((place) => burst.scores[place][at]);
    if (values.every((value) => value === null)) return;
    const rounded = values.map((value) => (value === null ? "" : value.toFixed(digits)));
    const isBetter = (own, other) => own !== null && other !== null && rounded[0] !== rounded[1] && own > other === more;
    const cells = values.map((value, side) =>
      make("td", { class: isBetter(value, values[1 - side]) ? "better" : "", text: rounded[side] }),
    );
    table.append(make("tr", {}, make("th", { scope: "row", text: name }), ...cells));
  });
  return table;
}

/** Compare, or stop comparing. In the bursts, space opens it from a tile. */
function toggleCompare(photo = detail.photo) {
  const pair = pairOf(photo);
  if (pair === null) return;
  if (!detail.dialog.open) {
    openDetail(photo, state.order);
    compared.is = true;
  } else compared.is = !compared.is;
  if (compared.is) detail.photo = pair.burst.photos[pair.right];
  drawDetail();
}
