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
    };
})();
