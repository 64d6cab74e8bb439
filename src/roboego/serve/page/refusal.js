// Why a server does not let this page in, in words for whoever sits before it.

export const LOST = "the connection was lost";
export const UNREACHABLE = "the server cannot be reached";
export const ELSEWHERE = "this conversation goes on in another tab or on another device; Talk begins a new one here";
const REASONS = {
  401: "this server wants a token: open this page with ?token=TOKEN",
  503: "too many are connected to this server; come back later",
};

/** What is wrong with an answer of the server's. */
export async function reasonOf(answer) {
  const { detail, error } = await answer.json().catch(() => ({}));
  return detail ?? REASONS[answer.status] ?? error ?? `the server answers ${answer.status}`;
}

/** Why a WebSocket could not be opened, of which browsers tell nothing: an offer without anything in it is asked the same questions before it is looked at. */
export async function whyRefused() {
  const answer = await fetch(`api/webrtc${location.search}`, { method: "POST" }).catch(() => null);
  if (answer === null) return UNREACHABLE;
  return answer.status === 400 ? "the server answers, but its WebSockets do not come through: a proxy may hold them back" : reasonOf(answer);
}
