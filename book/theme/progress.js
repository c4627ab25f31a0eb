// What a reader has done, kept in this browser: the one place that knows the form in which it is kept.
// The labs of a page keep theirs through `wirebookProgress`; the sidebar and the progress page show it.
'use strict';

(() => {
    // One record per lab and content, so that a changed lab starts anew and the old record stays:
    // {"version": 1, "at": milliseconds since 1970, "done": steps, "more": {name: text}}
    const PREFIX = 'wirebook.progress.';
    // Records that could not be read are put aside, not thrown away.
    const DAMAGED = 'wirebook.damaged.';
    const VERSION = 1;
    const MAX_STEPS = 1000;
    const MAX_FIELDS = 64;
    const MAX_TEXT = 4096;
    const MAX_FILE_BYTES = 1024 * 1024;
    const FORMAT = 'wirebook-progress';
    const NAME_SHAPE = /^[A-Za-z0-9_-]{1,64}$/;
    /** Something that is kept has changed. */
    const CHANGED = 'wirebook-progress';
    /** Something has changed, and not by a lab of this page. */
    const ELSEWHERE = 'wirebook-progress-elsewhere';

    /** What other tabs made of labs since this page looked: key to steps done. */
    const elsewhere = new Map();

    const keyOf = (lab, hash) => `${PREFIX}${lab}.${hash}`;

    /** Storage may be switched off or full: that costs comfort, not the lab. */
    const withStorage = (act, otherwise) => {
        try {
            return act(localStorage);
        } catch {
            return otherwise;
        }
    };

    const isText = text => typeof text === 'string' && text.length <= MAX_TEXT;

    /** The record if it has the form of one; whoever wrote it. */
    function checked(record) {
        if (record?.version !== VERSION || typeof record.more !== 'object' || record.more === null) {
            return undefined;
        }
        const { at, done } = record;
        const more = Object.entries(record.more);
        const isGood = Number.isSafeInteger(at) && at >= 0
            && Number.isInteger(done) && done >= 0 && done <= MAX_STEPS
            && more.length <= MAX_FIELDS
            && more.every(([name, text]) => isText(name) && isText(text));
        return isGood ? { version: VERSION, at, done, more: Object.fromEntries(more) } : undefined;
    }

    function parsed(text) {
        // As labs were kept before other things than steps were.
        const steps = /^1:(\d{1,3})$/.exec(text);
        if (steps) {
            return { version: VERSION, at: 0, done: Number(steps[1]), more: {} };
        }
        try {
            return checked(JSON.parse(text));
        } catch {
            return undefined;
        }
    }

    /** The record under a key; what cannot be read is put aside. */
    function readKey(key) {
        return withStorage(storage => {
            const text = storage.getItem(key);
            if (text === null) {
                return undefined;
            }
            const record = parsed(text);
            if (!record) {
                storage.setItem(DAMAGED + key.slice(PREFIX.length), text);
                storage.removeItem(key);
            }
            return record;
        });
    }

    function change(key, edit) {
        const record = readKey(key) ?? { version: VERSION, at: 0, done: 0, more: {} };
        const before = JSON.stringify(record);
        edit(record);
        if (JSON.stringify(record) === before) {
            return;
        }
        record.at = Date.now();
        withStorage(storage => storage.setItem(key, JSON.stringify(record)));
        document.dispatchEvent(new Event(CHANGED));
    }

    function forgetKeys(keys) {
        withStorage(storage => keys.forEach(key => storage.removeItem(key)));
        document.dispatchEvent(new Event(CHANGED));
    }

    const keysWith = prefix => withStorage(
        storage => Object.keys(storage).filter(key => key.startsWith(prefix)),
        [],
    );

    /** Lab and hash of a key; neither has a dot. */
    const partsOf = key => key.slice(key.indexOf('.', 'wirebook.'.length) + 1).split('.');

    const isWritable = () => withStorage(storage => {
        storage.setItem('wirebook.probe', '1');
        storage.removeItem('wirebook.probe');
        return true;
    }, false);

    /** Everything kept, as the text of a file. */
    function exported() {
        const labs = keysWith(PREFIX).sort().flatMap(key => {
            const [lab, hash] = partsOf(key);
            const record = readKey(key);
            return record ? [{ lab, hash, ...record }] : [];
        });
        return JSON.stringify({ format: FORMAT, version: VERSION, labs }, null, 2);
    }

    /**
     * Takes in what `exported` wrote, perhaps in another browser. Nothing that is here gets less: of
     * two records the steps are the more, the rest is the later one's. Returns how many labs it had.
     */
    function imported(text) {
        if (text.length > MAX_FILE_BYTES) {
            throw new Error('The file is larger than progress can be.');
        }
        let file;
        try {
            file = JSON.parse(text);
        } catch {
            throw new Error('The file is not JSON.');
        }
        if (file?.format !== FORMAT || !Array.isArray(file.labs)) {
            throw new Error('The file is not progress exported from this book.');
        }
        if (file.version !== VERSION) {
            throw new Error('The file comes from another version of this book.');
        }
        const records = file.labs.map(entry => {
            const record = checked(entry);
            if (!record || !NAME_SHAPE.test(entry.lab) || !NAME_SHAPE.test(entry.hash)) {
                throw new Error('A record in the file is damaged; nothing was imported.');
            }
            return [keyOf(entry.lab, entry.hash), record];
        });
        try {
            for (const [key, record] of records) {
                const here = readKey(key);
                const later = here && here.at > record.at ? here : record;
                const done = Math.max(here?.done ?? 0, record.done);
                localStorage.setItem(key, JSON.stringify({ ...later, done }));
            }
        } catch {
            throw new Error('This browser keeps nothing for this page.');
        }
        document.dispatchEvent(new Event(CHANGED));
        return records.length;
    }

    /** Tells the labs of this page that what is kept has changed without them. */
    function tellLabs(changes) {
        for (const [key, done] of changes) {
            elsewhere.set(key, done);
        }
        document.dispatchEvent(new Event(ELSEWHERE));
        document.dispatchEvent(new Event(CHANGED));
    }

    const everyLab = done => course().flatMap(({ labs }) =>
        labs.map(({ name, hash }) => [keyOf(name, hash), done(name, hash)]));

    const doneOf = (lab, hash) => readKey(keyOf(lab, hash))?.done ?? 0;

    // What other tabs do.
    addEventListener('storage', ({ key, newValue }) => {
        if (key === null) {
            tellLabs(everyLab(() => 0));
        } else if (key.startsWith(PREFIX)) {
            tellLabs([[key, newValue === null ? 0 : parsed(newValue)?.done ?? 0]]);
        } else if (key.startsWith(DAMAGED)) {
            tellLabs([]);
        }
    });

    // A page that comes back from the browser's cache was told nothing meanwhile.
    addEventListener('pageshow', ({ persisted }) => {
        if (persisted) {
            tellLabs(everyLab(doneOf));
        }
    });

    globalThis.wirebookProgress = {
        /** How many steps of a lab were done. */
        done: doneOf,
        /** Keeps how many are done. It never gets less: that is what `forget` is for. */
        keepDone: (lab, hash, done) => change(keyOf(lab, hash), record => {
            record.done = Math.max(record.done, done);
        }),
        /** A text kept for a lab under a name. */
        text: (lab, hash, name) => readKey(keyOf(lab, hash))?.more[name],
        /** Keeps a text, or none. One that is too long is not kept. */
        keepText: (lab, hash, name, text) => change(keyOf(lab, hash), record => {
            if (isText(text) && (name in record.more || Object.keys(record.more).length < MAX_FIELDS)) {
                record.more[name] = text;
            } else {
                delete record.more[name];
            }
        }),
        /** Forgets all that is kept for a lab. */
        forget: (lab, hash) => forgetKeys([keyOf(lab, hash)]),
        /** Whether a record of this lab could not be read and was put aside. */
        isDamaged: (lab, hash) => withStorage(
            storage => storage.getItem(`${DAMAGED}${lab}.${hash}`) !== null,
            false,
        ),
        /** How many steps another tab has made of it since this was asked last; undefined if none. */
        elsewhere: (lab, hash) => {
            const key = keyOf(lab, hash);
            const done = elsewhere.get(key);
            elsewhere.delete(key);
            return done;
        },

        // For the progress page.
        record: (lab, hash) => readKey(keyOf(lab, hash)),
        damaged: () => keysWith(DAMAGED).map(key => [partsOf(key)[0], key]),
        hasOlder: (lab, hash) => keysWith(`${PREFIX}${lab}.`).some(key => key !== keyOf(lab, hash)),
        forgetAll: () => forgetKeys([...keysWith(PREFIX), ...keysWith(DAMAGED)]),
        forgetDamaged: () => forgetKeys(keysWith(DAMAGED)),
        exported,
        imported,
        isWritable,
        CHANGED,
        course,
    };

    /** The chapters that have labs, as the build wrote them: [{page, labs: [{name, hash, steps}]}]. */
    function course() {
        const list = document.querySelector('[data-course]')?.dataset.course;
        return JSON.parse(list ?? '[]').map(([page, labs]) => ({
            page,
            labs: labs.map(([name, hash, steps]) => ({ name, hash, steps })),
        }));
    }
})();
