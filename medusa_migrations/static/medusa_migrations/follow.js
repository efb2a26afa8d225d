/* Follows a run: asks for the page again and takes over what has changed, until there is nothing to follow any more.
   Without JavaScript the page asks for itself. */
"use strict";

{
    const id = "medusa-follow";

    async function follow() {
        const here = document.getElementById(id);
        if (!here || !here.dataset.seconds) return;
        try {
            const response = await fetch(window.location.href, { credentials: "same-origin", cache: "no-store" });
            const page = new DOMParser().parseFromString(await response.text(), "text/html");
            const there = page.getElementById(id);
            if (response.redirected || (response.ok && (!there?.dataset.seconds || page.title !== document.title))) {
                window.location.reload();
                return;
            }
            if (there && there.innerHTML !== here.innerHTML) {
                const opened = here.querySelector("details")?.open;
                here.replaceChildren(...there.childNodes);
                if (opened) here.querySelector("details").open = true;
            }
        } catch {
            /* The server cannot be reached for a moment: a migration may lock what every page reads. */
        }
        wait(Number(here.dataset.seconds));
    }

    function wait(seconds) {
        window.setTimeout(follow, seconds * 1000);
    }

    wait(1);
}
