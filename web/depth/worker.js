// Runs one simulator beside the page, in slices: a message is never late, and the page is sent the
// next frame only when it has shown the last.

/** The longest time that passes at once, in ms: a page that was hidden goes on where it was. */
const MAX_STRIDE_MS = 100;
/** Between two looks at the clock while packets are under way, and while none are. */
const BUSY_MS = 16;
const IDLE_MS = 100;

let simulator;
let timer;
let last;
let isAwaited = false;
const waiting = [];
/** The link comes first, before or after the module is there. */
let begin;
const beginning = new Promise(resolve => {
    begin = resolve;
});

function send(frame) {
    if (frame.length > 0) {
        postMessage(frame, [frame.buffer]);
        isAwaited = true;
    }
}

function slice() {
    const now = performance.now();
    send(simulator.run(Math.min(now - (last ?? now), MAX_STRIDE_MS)));
    last = now;
    schedule();
}

/** The next slice comes when the page has shown what was sent; nothing is due while time stands still. */
function schedule() {
    clearTimeout(timer);
    if (simulator.is_running && !isAwaited) {
        timer = setTimeout(slice, simulator.is_busy ? BUSY_MS : IDLE_MS);
    } else if (!simulator.is_running) {
        last = undefined;
    }
}

function hear(message) {
    if (message === null) {
        isAwaited = false;
    } else {
        // What is said is said now, not at the last look at the clock.
        if (simulator.is_running && !isAwaited) {
            slice();
        }
        send(simulator.say(message));
    }
    schedule();
}

onmessage = event => {
    if (simulator) {
        hear(event.data);
    } else if (begin) {
        begin(event.data);
        begin = undefined;
    } else {
        waiting.push(event.data);
    }
};

// The script of the module stands beside this one, under the same name. It is not awaited here:
// while this script is not done, a browser may hold back what was said to it.
import(import.meta.url.replace('_worker.js', '.js'))
    .then(async depth => {
        await depth.default();
        simulator = new depth.Simulator(await beginning);
        waiting.splice(0).forEach(message => hear(message));
    })
    .catch(error => {
        // Only what nobody catches is told to the page.
        setTimeout(() => {
            throw error;
        });
    });
