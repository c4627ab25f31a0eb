// How far the reader is: marks in the sidebar of every page, and the whole course on the progress page.
'use strict';

(() => {
    const store = globalThis.wirebookProgress;
    const course = store.course();
    if (course.length === 0) {
        return;
    }
    // eslint-disable-next-line no-undef -- mdBook defines it on every page.
    const root = new URL(path_to_root || './', document.baseURI);

    /** An element with text and other elements in it; a child that is not there is left out. */
    function element(name, attributes = {}, ...children) {
        const made = document.createElement(name);
        for (const [attribute, value] of Object.entries(attributes)) {
            made.setAttribute(attribute, value);
        }
        made.append(...children.filter(child => child !== undefined));
        return made;
    }

    function button(label, attributes, press) {
        const made = element('button', { type: 'button', ...attributes }, label);
        made.addEventListener('click', press);
        return made;
    }

    const count = (number, what) => `${number} ${what}${number === 1 ? '' : 's'}`;

    /** Done and all steps of some labs. */
    function sum(labs) {
        let [done, steps] = [0, 0];
        for (const lab of labs) {
            done += Math.min(store.done(lab.name, lab.hash), lab.steps);
            steps += lab.steps;
        }
        return { done, steps, isDone: steps > 0 && done === steps };
    }

    const linkTo = page => [...document.querySelectorAll('#mdbook-sidebar a[href]')]
        .find(link => link.href === new URL(page, root).href);

    /** What the sidebar calls a chapter, without its number and mark. */
    function titleOf(page) {
        const link = linkTo(page)?.cloneNode(true);
        link?.querySelectorAll('[aria-hidden], .course-mark').forEach(part => part.remove());
        return link?.textContent.trim() || page;
    }

    function drawSidebar() {
        for (const { page, labs } of course) {
            const link = linkTo(page);
            link?.querySelector('.course-mark')?.remove();
            const { done, steps, isDone } = sum(labs);
            if (!link || done === 0) {
                continue;
            }
            const [shown, spoken] = isDone
                ? ['✓', ' (all steps done)']
                : [`${done}/${steps}`, ` (${done} of ${count(steps, 'step')} done)`];
            link.append(element('span', { class: `course-mark${isDone ? ' is-done' : ''}` },
                element('span', { 'aria-hidden': 'true' }, shown),
                element('span', { class: 'course-hidden' }, spoken)));
        }
    }

    const host = document.querySelector('[data-progress]');
    // On the print page paper would keep one reader's progress for all.
    const page = host && !/(^|\/)print\.html$/.test(location.pathname) ? progressPage() : undefined;

    const draw = () => {
        drawSidebar();
        page?.draw();
    };
    draw();
    document.addEventListener(store.CHANGED, draw);

    function progressPage() {
        const status = element('p', { class: 'course-status', role: 'status' });
        const warnings = element('div');
        const summary = element('div');
        const list = element('ol', { class: 'course-chapters' });
        const file = element('input', {
            type: 'file', accept: '.json,application/json', class: 'course-hidden', tabindex: '-1',
            'aria-label': 'File with progress',
        });
        file.addEventListener('change', takeFile);
        const reset = element('div', { class: 'course-reset' });
        host.replaceChildren(
            warnings,
            summary,
            list,
            element('div', { class: 'course-actions' },
                button('Export to a file', {}, giveFile),
                button('Import from a file', {}, () => file.click()),
                file,
                reset),
            status,
        );
        offerReset();
        return { draw: drawPage };

        function drawPage() {
            warnings.replaceChildren(...drawWarnings());
            summary.replaceChildren(...drawSummary());
            // The list is drawn anew only where something changed, so that the focus stays.
            for (const [index, chapter] of course.entries()) {
                const item = drawChapter(chapter);
                const before = list.children[index];
                if (!before) {
                    list.append(item);
                } else if (before.innerHTML !== item.innerHTML) {
                    const hadFocus = before.contains(document.activeElement);
                    before.replaceWith(item);
                    if (hadFocus) {
                        item.querySelector('a').focus();
                    }
                }
            }
        }

        function drawWarnings() {
            const found = [];
            if (!store.isWritable()) {
                found.push(element('p', {},
                    'This browser keeps nothing for this page: your progress ends when you leave it.'));
            }
            const damaged = store.damaged();
            if (damaged.length > 0) {
                const names = [...new Set(damaged.map(([lab]) => lab))].join(', ');
                found.push(element('p', {},
                    `What was kept for ${names} could not be read. It was put aside in this browser's storage, `,
                    `under ${damaged.map(([, key]) => key).join(', ')}. `,
                    button('Throw it away', {}, () => {
                        store.forgetDamaged();
                        say('What could not be read was thrown away.');
                    })));
            }
            return found.map(warning => element('div', { class: 'course-warning' }, warning));
        }

        function drawSummary() {
            const { done, steps } = sum(course.flatMap(({ labs }) => labs));
            const chapters = course.filter(({ labs }) => sum(labs).isDone).length;
            return [
                element('p', { class: 'course-sum' },
                    element('strong', {}, `${done} of ${count(steps, 'step')}`),
                    ` and ${chapters} of ${count(course.length, 'chapter')} done.`),
                element('progress', { max: steps, value: done, 'aria-label': 'Steps done' }),
                drawNext(),
            ];
        }

        /** The lab that was worked on last, if it has steps left; otherwise the first one that has. */
        function drawNext() {
            const all = course.flatMap(chapter => chapter.labs.map(lab => {
                const record = store.record(lab.name, lab.hash);
                return { page: chapter.page, lab, done: record?.done ?? 0, at: record?.at ?? 0 };
            }));
            const open = all.filter(({ lab, done }) => done < lab.steps);
            if (open.length === 0) {
                return element('p', {}, 'You have done every step of the course.');
            }
            const latest = open.reduce((best, one) => (one.at > best.at ? one : best));
            // After a finished lab comes the next one of the course.
            const last = all.reduce((best, one) => (one.at > best.at ? one : best));
            const next = last.at > latest.at
                ? all.slice(all.indexOf(last)).find(one => open.includes(one)) ?? latest
                : latest;
            const begun = all.some(({ done }) => done > 0);
            const href = new URL(`${next.page}#lab-${next.lab.name}`, root).href;
            return element('p', { class: 'course-next' },
                element('a', { href },
                    `${begun ? 'Continue' : 'Begin'}: ${titleOf(next.page)}`),
                ` Lab ${next.lab.name}, step ${next.done + 1} of ${next.lab.steps}.`);
        }

        function drawChapter({ page: path, labs }) {
            const { done, steps, isDone } = sum(labs);
            return element('li', { class: isDone ? 'is-done' : '' },
                element('div', { class: 'course-chapter' },
                    element('a', { href: new URL(path, root).href }, titleOf(path)),
                    element('span', {}, `${isDone ? '✓ ' : ''}${done} of ${count(steps, 'step')}`)),
                element('ul', {}, ...labs.map(lab => drawLab(path, lab))));
        }

        function drawLab(path, { name, hash, steps }) {
            const record = store.record(name, hash);
            const done = Math.min(record?.done ?? 0, steps);
            const isChanged = !record && store.hasOlder(name, hash);
            return element('li', {},
                element('a', { href: new URL(`${path}#lab-${name}`, root).href }, element('code', {}, name)),
                element('progress', { max: steps, value: done, 'aria-label': `Steps of ${name}` }),
                element('span', { class: 'course-count' },
                    isChanged ? 'changed since you did it' : `${done} of ${steps}`),
                record && button('Reset', { 'aria-label': `Reset ${name}` }, () => {
                    store.forget(name, hash);
                    say(`${name} starts anew.`);
                }));
        }

        function offerReset() {
            reset.replaceChildren(button('Reset all', {}, () => {
                const keep = button('Keep it', {}, leave);
                reset.replaceChildren(
                    element('span', {}, 'Forget the progress of every lab?'),
                    button('Forget it', { class: 'is-grave' }, () => {
                        store.forgetAll();
                        say('All progress is forgotten.');
                        leave();
                    }),
                    keep);
                keep.focus();
            }));
        }

        function leave() {
            offerReset();
            reset.querySelector('button').focus();
        }

        function giveFile() {
            const url = URL.createObjectURL(new Blob([store.exported()], { type: 'application/json' }));
            element('a', { href: url, download: 'wirebook-progress.json' }).click();
            // The download has its own hold on the bytes by then.
            setTimeout(() => URL.revokeObjectURL(url), 10_000);
            say('Exported to wirebook-progress.json.');
        }

        async function takeFile() {
            const chosen = file.files[0];
            if (!chosen) {
                return;
            }
            try {
                say(`Imported ${count(store.imported(await chosen.text()), 'lab')}.`);
            } catch (error) {
                say(error.message);
            }
            // The same file may be chosen again.
            file.value = '';
        }

        function say(words) {
            status.textContent = words;
        }
    }
})();
