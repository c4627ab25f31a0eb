//! Takes out what panics would say while the linker's notes are still there.
//!
//! The notes say which instruction refers to which function or piece of data. An instruction that goes
//! takes its note along, so that nothing refers any more to what only panics had a use for: messages,
//! places in source files, and what writes values for them. Taking the page apart leaves that out.
//!
//! Everything stays where it was, for the notes count bytes: what goes becomes the trap, and then
//! instructions that do nothing.

use std::ops::Range;

use anyhow::{Context, Result};
use wasm_encoder::{CustomSection, Encode, Module, RawSection};
use wasmparser::{CustomSectionReader, KnownCustom, Parser, Payload, RelocSectionReader};

use super::{Functions, panics};

/// The instruction that does nothing.
const NOTHING: u8 = 0x01;

/// What the linker calls its notes on code.
const NOTES: &str = "reloc.CODE";

/// The same module with a trap for each panic, and without the notes on what led there.
pub(crate) fn silence(wasm: &[u8]) -> Result<Vec<u8>> {
    let functions = Functions::of(wasm)?;
    let panics = functions.panics(wasm)?;
    let mut cuts: Vec<Range<usize>> = Vec::new();
    for (which, body) in functions.bodies.iter().enumerate() {
        let base = body.range().start;
        let own = match panics.contains(&(functions.imported + which as u32)) {
            true => vec![panics::whole(body)?],
            false => panics::cuts(body, &panics)?,
        };
        cuts.extend(own.into_iter().map(|cut| base + cut.start..base + cut.end));
    }
    let mut silent = wasm.to_vec();
    for cut in &cuts {
        let cut = &mut silent[cut.clone()];
        cut.fill(NOTHING);
        if let Some(first) = cut.first_mut() {
            *first = panics::UNREACHABLE;
        }
    }
    without_notes(&silent, &cuts)
}

/// The module without the notes on bytes within `cuts`, which are in the order of the module.
fn without_notes(wasm: &[u8], cuts: &[Range<usize>]) -> Result<Vec<u8>> {
    let mut module = Module::new();
    let mut code = 0;
    for part in Parser::new(0).parse_all(wasm) {
        let part = part?;
        if let Payload::CodeSectionStart { range, .. } = &part {
            code = range.start;
        }
        if let Payload::CustomSection(section) = &part
            && section.name() == NOTES
            && let KnownCustom::Reloc(notes) = section.as_known()
        {
            let data = kept_notes(wasm, section, notes, code, cuts)?;
            module.section(&CustomSection {
                name: NOTES.into(),
                data: data.into(),
            });
        } else if let Some((id, range)) = part.as_section() {
            let data = wasm.get(range).context("a section out of place")?;
            module.section(&RawSection { id, data });
        }
    }
    Ok(module.finish())
}

/// The notes on the code that begins at `code` without those on bytes within `cuts`.
fn kept_notes(
    wasm: &[u8],
    section: &CustomSectionReader<'_>,
    notes: RelocSectionReader<'_>,
    code: usize,
    cuts: &[Range<usize>],
) -> Result<Vec<u8>> {
    let entries = notes.entries().into_iter_with_offsets();
    let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
    let end = section.data_offset() + section.data().len();
    let (mut count, mut kept) = (0_u32, Vec::new());
    for (index, (place, entry)) in entries.iter().enumerate() {
        let of = code + entry.offset as usize;
        let next = cuts.partition_point(|cut| cut.end <= of);
        if cuts.get(next).is_some_and(|cut| cut.contains(&of)) {
            continue;
        }
        let end = entries.get(index + 1).map_or(end, |next| next.0);
        kept.extend_from_slice(wasm.get(*place..end).context("a note out of place")?);
        count += 1;
    }
    let mut data = Vec::new();
    notes.section_index().encode(&mut data);
    count.encode(&mut data);
    data.append(&mut kept);
    Ok(data)
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, Function, FunctionSection, NameMap, NameSection, TypeSection, ValType,
    };

    use super::*;

    /// What the linker notes: at this byte of the code section stands the number of symbol 7.
    const KIND: u8 = 0;
    const SYMBOL: u8 = 7;

    /// Function 0 panics by its name; 1 calls it with what it would say, unless it is given zero,
    /// and then itself. Also where its two calls name a function, from the begin of the section.
    fn module() -> (Vec<u8>, [u8; 2]) {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32], []);
        let mut functions = FunctionSection::new();
        functions.function(0).function(0);
        let mut code = CodeSection::new();
        let mut function = Function::new([]);
        function.instructions().local_get(0).drop().end();
        code.function(&function);
        let mut function = Function::new([]);
        let mut body = function.instructions();
        body.local_get(0).if_(wasm_encoder::BlockType::Empty);
        body.i32_const(1234).call(0).end();
        body.i32_const(56).call(1).end();
        code.function(&function);
        // The count, the first function's size and 5 bytes, the second one's size, no locals, 4
        // bytes up to the constant of 3, the call; the end, the constant of 2, the call.
        let at = [
            1 + 6 + 1 + 1 + 4 + 3 + 1,
            1 + 6 + 1 + 1 + 4 + 3 + 2 + 1 + 2 + 1,
        ];
        let mut names = NameMap::new();
        names.append(0, "_RNvNtCsgXGp5Oqx2Ny_4core9panicking9panic_fmt");
        let mut name_section = NameSection::new();
        name_section.functions(&names);
        let notes = [3, 2, KIND, at[0], SYMBOL, KIND, at[1], SYMBOL];
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&code);
        module.section(&CustomSection {
            name: NOTES.into(),
            data: (&notes[..]).into(),
        });
        module.section(&name_section);
        (module.finish(), at)
    }

    /// The notes of a module.
    fn notes(wasm: &[u8]) -> Vec<u8> {
        let parts = Parser::new(0)
            .parse_all(wasm)
            .map(|part| part.expect("sound"));
        let notes = parts.filter_map(|part| match part {
            Payload::CustomSection(section) if section.name() == NOTES => Some(section.data()),
            _ => None,
        });
        notes.flatten().copied().collect()
    }

    #[test]
    fn a_panic_takes_its_notes_along_and_nothing_else_moves() {
        let (before, [_, second]) = module();
        let after = silence(&before).expect("a sound module");
        assert_eq!(notes(&after), [3, 1, KIND, second, SYMBOL]);
        // One note of three bytes less, and all else where it was.
        assert_eq!(after.len(), before.len() - 3);
        let functions = Functions::of(&after).expect("sound");
        let was = Functions::of(&before).expect("sound");
        let places = |functions: &Functions<'_>| -> Vec<_> {
            functions.bodies.iter().map(|body| body.range()).collect()
        };
        assert_eq!(places(&functions), places(&was));
        let operators = functions.bodies[1].get_operators_reader().expect("sound");
        let operators: Result<Vec<_>, _> = operators.into_iter().collect();
        let told = format!("{:?}", operators.expect("sound"));
        assert!(
            told.contains("Unreachable, Nop, Nop, Nop, Nop, End"),
            "{told}"
        );
        assert!(told.contains("value: 56"), "{told}");
        assert!(!told.contains("1234"), "{told}");
    }
}
