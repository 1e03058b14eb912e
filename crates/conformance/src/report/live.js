
// ---- the server's stream of events: which page is the current one, and a notice about it ----

const notice = document.getElementById("notice");
const events = new EventSource(notice.dataset.events);

events.addEventListener("message", (event) => {
    const now = JSON.parse(event.data);
    notice.textContent = now.notice;
    if (now.page === notice.dataset.page) return;
    // Details that are being read stay until they are closed.
    if (detail.open) detail.addEventListener("close", () => location.reload(), { once: true });
    else location.reload();
});
// The browser connects again by itself, and the first event clears the notice.
events.addEventListener("error", () => {
    notice.textContent = "The server does not answer. New results are not shown.";
});
