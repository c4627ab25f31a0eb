// The first script of ours on every page: keeps the token of the link that the gateway printed,
// starts the labs of the page, and mends what mdBook's markup leaves to a script.
'use strict';

(() => {
    const TOKEN_KEY = 'wirebook.token';
    const TOKEN_MARK = '#token=';

    // Only what a gateway can have printed: a link with anything else must not lock the page out.
    const TOKEN_SHAPE = /^[A-Za-z0-9_-]{16,256}$/;

    // The token leaves the address at once: it must not end up in bookmarks or screenshots.
    if (location.hash.startsWith(TOKEN_MARK)) {
        const token = location.hash.slice(TOKEN_MARK.length);
        if (TOKEN_SHAPE.test(token)) {
            try {
                localStorage.setItem(TOKEN_KEY, token);
            } catch {
                // Storage is switched off: the labs will say that they have no token.
            }
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
    mendEmptyHeaders();
    mendScrollingBoxes();

    function startLabs() {
        const lab = document.querySelector('[data-page]');
        if (!lab) {
            return;
        }
        // eslint-disable-next-line no-undef -- mdBook defines it on every page.
        const root = new URL(path_to_root || '.', document.baseURI);
        const script = new URL(lab.dataset.page, root);
        // For the link to the same chapter where the gateway serves it.
        lab.dataset.chapter = location.pathname.slice(root.pathname.length);
        // What the script asks for in turn is on its way at once.
        ahead('modulepreload', script.href.replace(/\.js$/, '_parts.js'));
        ahead('preload', script.href.replace(/\.js$/, '_bg.wasm'), 'fetch');
        import(script.href)
            .then(page => page.default())
            .catch(error => {
                console.error('The labs of this page could not start.', error);
            });
    }

    /** Lets the browser load a file before it is asked for. */
    function ahead(rel, href, as) {
        const link = document.createElement('link');
        Object.assign(link, { rel, href, crossOrigin: 'anonymous' });
        if (as) {
            link.as = as;
        }
        document.head.append(link);
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

    /** The corner of a table may be empty; Markdown makes it a header all the same. */
    function mendEmptyHeaders() {
        for (const header of document.querySelectorAll('main th')) {
            if (header.textContent.trim() === '') {
                header.replaceWith(document.createElement('td'));
            }
        }
    }

    /**
     * The toggle is a label in the markup, which the keyboard cannot reach: a button inside it does
     * the same.
     */
    function mendSidebarToggle() {
        const label = document.getElementById('mdbook-sidebar-toggle');
        const box = document.getElementById('mdbook-sidebar-toggle-anchor');
        if (!label || !box) {
            return;
        }
        const button = document.createElement('button');
        button.type = 'button';
        button.className = 'icon-button';
        button.append(...label.childNodes);
        label.append(button);
        label.classList.remove('icon-button');

        // mdBook goes on setting these on the label.
        const moveNames = () => {
            for (const name of ['title', 'aria-label', 'aria-controls', 'aria-expanded']) {
                const value = label.getAttribute(name);
                if (value !== null) {
                    button.setAttribute(name, value);
                    label.removeAttribute(name);
                }
            }
        };
        moveNames();
        new MutationObserver(moveNames).observe(label, { attributes: true });

        // On the label, so that mdBook's own listener there comes first.
        label.addEventListener('click', event => {
            if (button.contains(event.target)) {
                box.click();
            }
        });
    }

    /** What scrolls sideways must be within reach of the keyboard. */
    function mendScrollingBoxes() {
        const boxes = document.querySelectorAll(
            'main .table-wrapper, main pre:not(.lab-frame *) > code',
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
