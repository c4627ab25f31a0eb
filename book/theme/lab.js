// The first script of ours on every page: keeps the token of the link that the gateway printed,
// starts the labs of the page, and mends what mdBook's markup leaves to a script.
'use strict';

(() => {
    const TOKEN_KEY = 'wirebook.token';
    const TOKEN_MARK = '#token=';

    // The token leaves the address at once: it must not end up in bookmarks or screenshots.
    if (location.hash.startsWith(TOKEN_MARK)) {
        const token = location.hash.slice(TOKEN_MARK.length);
        try {
            localStorage.setItem(TOKEN_KEY, token);
        } catch {
            // Storage is switched off: the labs will say that they have no token.
        }
        history.replaceState(null, '', location.pathname + location.search);
    }

    const isPrint = /(^|\/)print\.html$/.test(location.pathname);
    if (isPrint) {
        // Paper has no closed sections.
        for (const details of document.querySelectorAll('details')) {
            details.open = true;
        }
    } else {
        startLabs();
    }

    mendLandmarks();
    mendSidebarToggle();
    mendScrollingBoxes();

    function startLabs() {
        const lab = document.querySelector('[data-lab][data-page]');
        if (!lab) {
            return;
        }
        // eslint-disable-next-line no-undef -- mdBook defines it on every page.
        const script = new URL(path_to_root + lab.dataset.page, document.baseURI);
        import(script.href)
            .then(page => page.default())
            .catch(error => {
                console.error('The labs of this page could not start.', error);
            });
    }

    /** Everything on a page belongs to a landmark, and each landmark has a name of its own. */
    function mendLandmarks() {
        document.getElementById('mdbook-menu-bar')?.setAttribute('role', 'banner');
        document.getElementById('mdbook-search-wrapper')?.setAttribute('role', 'search');
        // The title in the bar names the book, the heading below it the chapter.
        const title = document.querySelector('.menu-title');
        title?.setAttribute('role', 'presentation');
        document
            .querySelector('.nav-wide-wrapper')
            ?.setAttribute('aria-label', 'Previous and next chapter');
    }

    /** The toggle is a label in the markup; it works as a button, from the keyboard too. */
    function mendSidebarToggle() {
        const toggle = document.getElementById('mdbook-sidebar-toggle');
        const box = document.getElementById('mdbook-sidebar-toggle-anchor');
        if (!toggle || !box) {
            return;
        }
        toggle.setAttribute('role', 'button');
        toggle.tabIndex = 0;
        toggle.addEventListener('keydown', event => {
            if (event.key === 'Enter' || event.key === ' ') {
                event.preventDefault();
                box.click();
            }
        });
        box.setAttribute('aria-hidden', 'true');
        box.tabIndex = -1;
    }

    /** What scrolls sideways must be within reach of the keyboard. */
    function mendScrollingBoxes() {
        const boxes = document.querySelectorAll(
            'main .table-wrapper, main pre:not(.lab *) > code',
        );
        const update = () => {
            for (const box of boxes) {
                if (box.scrollWidth > box.clientWidth) {
                    box.tabIndex = 0;
                } else {
                    box.removeAttribute('tabindex');
                }
            }
        };
        update();
        addEventListener('resize', update);
        for (const details of document.querySelectorAll('main details')) {
            details.addEventListener('toggle', update);
        }
    }
})();
