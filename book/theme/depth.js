// What the labs of a page load only when they first need it: their second module, and the simulators,
// each of which runs that module in a worker of its own.
'use strict';

globalThis.wirebookDepth = (() => {
    /** The module once it was asked for. */
    let module;

    /** Where the module's script is; the lab's element names it from the top of the book. */
    function address() {
        const lab = document.querySelector('[data-depth]');
        if (!lab) {
            throw new Error('This page does not say where its second module is.');
        }
        // eslint-disable-next-line no-undef -- mdBook defines it on every page.
        return new URL(lab.dataset.depth, new URL(path_to_root || '.', document.baseURI)).href;
    }

    async function load() {
        const depth = await import(address());
        await depth.default();
        return depth;
    }

    async function call(name, values) {
        module ??= load();
        try {
            await module;
        } catch (error) {
            // What failed once may be tried again.
            module = undefined;
            throw error;
        }
        return (await module)[name](...values);
    }

    return {
        /** Calls a function of the module; `then` is handed its answer, or `undefined` and why. */
        ask(name, values, then) {
            call(name, values).then(
                answer => then(answer),
                error => then(undefined, String(error?.message ?? error)),
            );
        },

        /**
         * A simulator for the lab in `host`, in a worker of its own that starts when the lab comes
         * into view or is used. `hear` is handed each frame, or `undefined` and why there is none.
         */
        simulate(host, network, hello, hear) {
            let worker;
            // What a module hands over is a look into its memory, which goes on changing.
            const first = [network.slice(), hello.slice()];
            const start = () => {
                if (worker) {
                    return;
                }
                seen.disconnect();
                worker = new Worker(address().replace(/\.js$/, '_worker.js'), { type: 'module' });
                worker.onmessage = event => hear(event.data);
                worker.onerror = event => {
                    event.preventDefault();
                    hear(undefined, event.message || 'Its script could not be loaded.');
                };
                first.forEach(frame => worker.postMessage(frame));
            };
            const seen = new IntersectionObserver(
                entries => {
                    if (entries.some(entry => entry.isIntersecting)) {
                        start();
                    }
                },
                { rootMargin: '300px' },
            );
            seen.observe(host);
            return {
                say(frame) {
                    start();
                    worker.postMessage(frame.slice());
                },
                /** The page has shown what came. */
                next() {
                    worker?.postMessage(null);
                },
            };
        },
    };
})();
