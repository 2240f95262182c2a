"use strict";
// The page of the server: sends pictures to /predict, and shows what comes back.

const AT_ONCE = 2; // requests at a time
const SHOWN = 5; // classes of an answer
const find = (id) => document.getElementById(id);

const state = {
  models: [],
  rows: [], // of the table: {number, picture, model, found}
  waiting: [],
  running: 0,
  done: 0,
  asked: 0, // how often a model was asked for a picture; it numbers the answers
  round: 0, // how often all was cleared
  stream: null,
};

// Make an element with a text or with children.
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function say(text, wrong = false) {
  find("status").textContent = text;
  find("status").classList.toggle("wrong", wrong);
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const plural = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

async function start() {
  try {
    state.models = (await (await fetch("models")).json()).models;
  } catch {
    say("The server does not answer. Load the page again once it does.", true);
    return;
  }
  const [first] = state.models;
  find("about").textContent =
    (state.models.length === 1
      ? `${first.name} tells ${first.class_names.length} classes`
      : `${state.models.length} models`) +
    ". The pictures go to the computer that serves this page, and to no other.";
  if (state.models.length > 1) {
    for (const model of state.models) {
      const box = make("input", { type: "checkbox", checked: true, value: model.name });
      find("models").append(make("label", { className: "choice" }, box, model.name));
    }
    find("models").hidden = false;
  }
}

const chosen = () => {
  const boxes = [...find("models").querySelectorAll("input:checked")].map((box) => box.value);
  return state.models.filter((m) => state.models.length === 1 || boxes.includes(m.name));
};

// Take pictures in: show each at once, and ask each model.
function take(files) {
  const pictures = [...files];
  const models = chosen();
  if (!pictures.length) {
    say("There was no file.", true);
    return;
  }
  if (!models.length) {
    say("Choose at least one model.", true);
    return;
  }
  const cards = pictures.map(makeCard);
  find("results").prepend(...cards.map((card) => card.element)); // the newest first, in their order
  for (const [index, file] of pictures.entries()) {
    const card = cards[index];
    for (const model of models) {
      const place = make("div", { className: "answer" });
      card.answers.append(place); // the answers keep the order of the models
      const explain = find("explain").checked;
      const { asked, round } = state;
      const first = model === models[0];
      state.waiting.push({ number: asked, round, file, card, place, model, explain, first });
      state.asked += 1;
    }
  }
  work();
}

function makeCard(file) {
  const image = make("img", { src: URL.createObjectURL(file), alt: `The picture ${file.name}` });
  const card = {
    frame: make("div", { className: "frame" }, image),
    image,
    seen: make("div", { className: "seen" }),
    answers: make("div", { className: "answers" }),
  };
  image.onerror = () => image.remove();
  card.element = make(
    "article",
    { className: "picture" },
    make("div", {}, card.frame, make("p", { className: "name", textContent: file.name }), card.seen),
    card.answers,
  );
  card.element.setAttribute("aria-label", file.name);
  return card;
}

// Start as many requests as may run.
function work() {
  while (state.running < AT_ONCE && state.waiting.length) {
    state.running += 1;
    const job = state.waiting.shift();
    ask(job).finally(() => {
      state.running -= 1;
      if (job.round === state.round) state.done += 1;
      work();
    });
  }
  const left = state.running + state.waiting.length;
  say(left ? `Asking … ${plural(left, "answer")} to come.` : "");
  if (!left && state.done) say(`Done: ${plural(state.rows.length, "answer")}.`);
}

async function ask(job, again = 3) {
  const address = `predict?model=${encodeURIComponent(job.model.name)}&explain=${job.explain}`;
  const form = new FormData();
  form.append("picture", job.file, job.file.name);
  let found;
  try {
    const response = await fetch(address, { method: "POST", body: form });
    if (response.status === 503 && again) {
      await new Promise((go) => setTimeout(go, 1000));
      return await ask(job, again - 1);
    }
    const answer = await response.json();
    found = answer.predictions ? answer.predictions[0] : { error: answer.error };
  } catch {
    found = { error: "The server does not answer." };
  }
  if (job.round === state.round) show(job, found);
}

function show(job, found) {
  job.place.replaceWith(makeAnswer(job.model, found));
  if (found.heatmap) addHeat(job, found.heatmap);
  state.rows.push({ number: job.number, picture: job.file.name, model: job.model, found });
  state.rows.sort((one, other) => one.number - other.number);
  fillTable();
}

function makeAnswer(model, found) {
  const element = make("div", { className: "answer" });
  if (state.models.length > 1) element.append(make("h3", { textContent: model.name }));
  if (found.error) {
    element.append(make("p", { className: "wrong", textContent: found.error }));
    return element;
  }
  element.append(make("p", { className: "class", textContent: found.class }));
  const most = Object.entries(found.probabilities).sort((a, b) => b[1] - a[1]);
  const bars = make("ul", { className: "bars" });
  most.slice(0, SHOWN).forEach(([name, share], place) => {
    const fill = make("span", { className: "fill" });
    fill.style.width = `${100 * share}%`;
    const track = make("span", { className: "track" }, fill);
    track.setAttribute("aria-hidden", "true");
    bars.append(
      make(
        "li",
        { className: place ? "" : "first" },
        make("span", { textContent: name, title: name }),
        track,
        make("span", { textContent: percent(share) }),
      ),
    );
  });
  element.append(bars);
  if (found.set) element.append(makeSet(model, found.set));
  if (found.heatmap_missing) {
    element.append(make("p", { className: "note", textContent: found.heatmap_missing }));
  }
  return element;
}

// Say what the prediction set means.
function makeSet(model, names) {
  // The share is of all answers. Among those of one class it may be another.
  const share = Number((100 * model.coverage).toFixed(4));
  const sure = `Of the answers for pictures like those that it was tested on, ${share} in 100 have the true class`;
  if (names.length === 1) {
    return make("p", { className: "note", textContent: `${sure}.` });
  }
  const text = `Not sure: it may be ${names.slice(0, -1).join(", ")} or ${names.at(-1)}.`;
  return make("p", { className: "note doubt", textContent: text, title: `${sure}.` });
}

// Lay a heat map over the picture, where the model saw it, and add a button that hides it.
function addHeat({ card, model, first }, address) {
  const heat = make("img", { className: "heat", src: address, alt: "" });
  const place = () => placeHeat(heat, card.image, model);
  if (card.image.complete) place();
  else card.image.addEventListener("load", place);
  heat.hidden = !first; // of several models, one at a time
  card.frame.append(heat);
  const name = state.models.length > 1 ? `where ${model.name} looks` : "where it looks";
  const button = make("button", { type: "button", textContent: name });
  button.setAttribute("aria-pressed", String(!heat.hidden));
  button.onclick = () => {
    const show = heat.hidden;
    for (const other of card.frame.querySelectorAll(".heat")) other.hidden = true;
    for (const other of card.seen.querySelectorAll("button")) other.setAttribute("aria-pressed", "false");
    heat.hidden = !show;
    button.setAttribute("aria-pressed", String(show));
    for (const other of card.seen.querySelectorAll("button")) label(other);
  };
  const label = (one) => {
    const pressed = one.getAttribute("aria-pressed") === "true";
    one.textContent = `${pressed ? "Hide" : "Show"} ${one.dataset.what}`;
  };
  button.dataset.what = name;
  label(button);
  const rank = state.models.indexOf(model);
  button.dataset.rank = rank;
  const later = [...card.seen.children].find((other) => Number(other.dataset.rank) > rank);
  card.seen.insertBefore(button, later ?? null); // in the order of the models, whichever answers first
}

// The part of the picture that the model saw: all of it, its centre, or more than it.
function placeHeat(heat, image, model) {
  const ratio = (image.naturalWidth * model.height) / (image.naturalHeight * model.width);
  let width = 1;
  let height = 1;
  if (model.resize.how === "crop") {
    width = Math.min(1, 1 / ratio);
    height = Math.min(1, ratio);
  } else if (model.resize.how === "pad") {
    width = Math.max(1, 1 / ratio);
    height = Math.max(1, ratio);
  }
  Object.assign(heat.style, {
    width: `${100 * width}%`,
    height: `${100 * height}%`,
    left: `${50 * (1 - width)}%`,
    top: `${50 * (1 - height)}%`,
  });
}

function tableOf() {
  const several = state.models.length > 1;
  const sets = state.rows.some((row) => row.found.set);
  const heads = ["picture", ...(several ? ["model"] : []), "class", "probability"];
  if (sets) heads.push("may be");
  const rows = state.rows.map(({ picture, model, found }) => [
    picture,
    ...(several ? [model.name] : []),
    ...(found.error
      ? [`not read: ${found.error}`]
      : [found.class, percent(found.probability), ...(sets ? [(found.set || []).join(", ")] : [])]),
  ]);
  return { heads, rows };
}

const kind = (head) => ({ probability: "number", "may be": "set" })[head] ?? "";

function fillTable() {
  const { heads, rows } = tableOf();
  find("heads").replaceChildren(
    ...heads.map((head) => make("th", { className: kind(head), scope: "col", textContent: head })),
  );
  find("rows").replaceChildren(
    ...rows.map((cells) =>
      make(
        "tr",
        {},
        ...cells.map((cell, place) =>
          make("td", {
            className: kind(heads[place]),
            textContent: cell,
            colSpan: place === cells.length - 1 ? heads.length - place : 1,
          }),
        ),
      ),
    ),
  );
  find("summary").hidden = !rows.length;
}

// A value of CSV. A spreadsheet takes a text that begins so for a formula.
function cell(value) {
  let text = String(value ?? "");
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv() {
  const names = [...new Set(state.rows.flatMap((row) => row.model.class_names))];
  const lines = [["picture", "model", "class", "probability", "set", "error", ...names]];
  for (const { picture, model, found } of state.rows) {
    const shares = names.map((name) => found.probabilities?.[name]);
    const set = found.set ? found.set.join(" ") : "";
    lines.push([picture, model.name, found.class, found.probability, set, found.error, ...shares]);
  }
  return lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

function save() {
  const address = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  const link = make("a", { href: address, download: "predictions.csv" });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function clear() {
  for (const image of find("results").querySelectorAll(".frame img")) URL.revokeObjectURL(image.src);
  find("results").replaceChildren();
  Object.assign(state, { rows: [], waiting: [], done: 0, round: state.round + 1 });
  fillTable();
  say("");
  find("files").focus();
}

async function openCamera() {
  find("open-camera").disabled = true; // it is open, or about to be
  try {
    state.stream = await navigator.mediaDevices.getUserMedia({ video: true });
  } catch {
    say("There is no camera, or this page may not use it.", true);
    find("open-camera").disabled = false;
    return;
  }
  find("video").srcObject = state.stream;
  await find("video").play();
  find("camera").hidden = false;
  find("shoot").focus();
}

function closeCamera() {
  for (const track of state.stream?.getTracks() ?? []) track.stop();
  state.stream = null;
  find("camera").hidden = true;
  find("open-camera").disabled = false;
  find("open-camera").focus();
}

function shoot() {
  const video = find("video");
  const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => {
    const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
    take([new File([blob], `camera ${time}.jpg`, { type: "image/jpeg" })]);
  }, "image/jpeg");
}

find("files").onchange = (event) => {
  take(event.target.files);
  event.target.value = ""; // so that the same file can be chosen again
};
for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    find("drop").classList.toggle("over", type === "dragenter" || type === "dragover");
    if (type === "drop") take(event.dataTransfer.files);
  });
}
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) take(event.clipboardData.files);
});
find("open-camera").onclick = openCamera;
find("close-camera").onclick = closeCamera;
find("shoot").onclick = shoot;
find("save").onclick = save;
find("clear").onclick = clear;
start();
