// Looks for news of a sweep that a server follows; in no page but its own.

const LOOK_MS = 3000;

function follow() {
  $("counts").append(html("span", { class: "live", role: "status" }, " \u00b7 live"));
  setInterval(async () => {
    try {
      const answer = await fetch("state", { cache: "no-store" });
      if (answer.ok && (await answer.text()) !== data.live) location.reload();
    } catch {
      document.querySelector(".live").textContent = " \u00b7 the server is gone";
    }
  }, LOOK_MS);
}
