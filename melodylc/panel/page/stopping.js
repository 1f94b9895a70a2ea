// Stopping what is being worked on: it ends at its next pause, which may take a while, and the page says so meanwhile.

/** Ask the server to stop what it is at, where that can be stopped. */
export function stopWork(session) {
  const busy = session.state?.busy;
  if (!busy?.stoppable) return;
  session.send({ do: "stop" });
  session.foresee?.({ busy: { ...busy, text: "stopping …", stoppable: false } });
}
