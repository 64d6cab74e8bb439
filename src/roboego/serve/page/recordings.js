// Recorded conversations: a list, and one of them being played.

import { Player } from "./player.js";

const find = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token");
const player = new Player(find);
let sessions = [];

const address = (path) => `/v1/sessions${path}${token === null ? "" : `?token=${encodeURIComponent(token)}`}`;

function tell(text, bad = false) {
  find("status").textContent = text;
  find("status").classList.toggle("bad", bad);
}

const REFUSED = {
  401: "this server wants a token: open this page with ?token=TOKEN",
  404: "this server records nothing; start it with: roboego serve --record FOLDER",
};

/** What the server answers. Throws an error that says why it does not. */
async function ask(path, options) {
  const answer = await fetch(address(path), options).catch(() => {
    throw new Error("the server cannot be reached");
  });
  if (answer.ok) return answer;
  const { detail, error } = await answer.json().catch(() => ({}));
  throw new Error(detail && detail !== "Not Found" ? detail : (REFUSED[answer.status] ?? error ?? `the server answers ${answer.status}`));
}

const when = (session) => new Date(session.started * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
const length = ({ seconds }) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

async function list() {
  try {
    sessions = await (await ask("")).json();
  } catch (error) {
    tell(error.message, true);
    return;
  }
  tell(sessions.length ? `${sessions.length} conversation${sessions.length > 1 ? "s" : ""}` : "nothing has been recorded yet");
  find("recordings").replaceChildren(...sessions.map(entry));
}

function entry(session) {
  const item = document.createElement("li");
  const open = document.createElement("button");
  open.append(part("b", when(session)), part("span", length(session)), part("span", session.model));
  if (session.status !== "closed") open.append(part("span", session.status === "open" ? "going on" : session.status));
  open.addEventListener("click", () => {
    if (location.hash === `#${session.id}`) show();
    else location.hash = session.id;
  });
  item.append(open);
  return item;
}

function part(kind, text) {
  const element = document.createElement(kind);
  element.textContent = text;
  return element;
}

/** Opens the conversation that the address names. */
async function show() {
  const session = sessions.find(({ id }) => id === location.hash.slice(1));
  find("player").hidden = !session;
  [...find("recordings").children].forEach(({ firstChild }, i) => firstChild.setAttribute("aria-current", String(sessions[i] === session)));
  player.close();
  if (!session) return;
  find("title").textContent = `${when(session)}, ${session.model}`;
  for (const [id, file, name] of [["download", "sound", "opus"], ["lines", "events", "jsonl"]]) {
    find(id).href = address(`/${session.id}/${file}`);
    find(id).download = `${session.id}.${name}`;
  }
  find("delete").disabled = session.status === "open";
  find("title").focus();
  try {
    const lines = await (await ask(`/${session.id}/events`)).text();
    if (location.hash !== `#${session.id}`) return; // another has been opened meanwhile
    await player.open(lines, address(`/${session.id}/sound`), session, (picture) => address(`/${session.id}/${picture}`));
  } catch (error) {
    tell(error.message, true);
  }
}

find("delete").addEventListener("click", async () => {
  const session = sessions.find(({ id }) => id === location.hash.slice(1));
  if (!session || !confirm(`Delete the conversation of ${when(session)} for good?`)) return;
  try {
    await ask(`/${session.id}`, { method: "DELETE" });
  } catch (error) {
    tell(error.message, true);
    return;
  }
  history.replaceState(null, "", location.pathname + location.search);
  await list();
  await show();
});
window.addEventListener("hashchange", show);
await list();
await show();
