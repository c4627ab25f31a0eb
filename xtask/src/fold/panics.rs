//! Takes out what a panic would say.
//!
//! In a browser a panic ends in a trap, and the standard library has nowhere to print its message.
//! What leads to the trap is then only weight: each call of a function that panics becomes the trap
//! itself, and what worked out its arguments goes, too.

use std::collections::HashSet;
use std::ops::Range;

use anyhow::Result;
use wasmparser::{BinaryReaderError, FunctionBody, KnownCustom, Name, Operator, Parser, Payload};

/// The instruction that traps.
pub(super) const UNREACHABLE: u8 = 0x00;
const END: u8 = 0x0b;

/// The functions that `wasm` says never return because they panic, by their number.
pub(super) fn named(wasm: &[u8]) -> Result<HashSet<u32>> {
    let mut found = HashSet::new();
    for part in Parser::new(0).parse_all(wasm) {
        let Payload::CustomSection(section) = part? else {
            continue;
        };
        let KnownCustom::Name(names) = section.as_known() else {
            continue;
        };
        for name in names {
            let Name::Function(functions) = name? else {
                continue;
            };
            for function in functions {
                let function = function?;
                // The linker leaves names as the compiler made them.
                let name = format!("{}", rustc_demangle::demangle(function.name));
                if is_panic(&name) {
                    found.insert(function.index);
                }
            }
        }
    }
    Ok(found)
}

/// What the standard library's functions are called that panic with a message of their own.
const FAILURES: [&str; 8] = [
    "assert_failed",
    "expect_failed",
    "handle_alloc_error",
    "handle_error",
    "len_mismatch_fail",
    "slice_error_fail",
    "slice_index_fail",
    "unwrap_failed",
];

/// Whether a function of this name panics, whatever it is given.
fn is_panic(name: &str) -> bool {
    // `core[c5930c85a12de822]::panicking::panic_fmt`
    let is_std = ["core[", "<alloc[", "alloc["]
        .iter()
        .any(|library| name.starts_with(library));
    let last = name.rsplit("::").find(|part| !part.starts_with('<'));
    is_std && (name.contains("]::panicking::") || last.is_some_and(|last| FAILURES.contains(&last)))
}

/// Whether a function that calls one of `panics` does nothing else.
pub(super) fn only_panics(
    body: &FunctionBody<'_>,
    panics: &HashSet<u32>,
) -> Result<bool, BinaryReaderError> {
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Unreachable => return Ok(true),
            Operator::Call { function_index } if panics.contains(&function_index) => {
                return Ok(true);
            }
            operator if is_silent(&operator) || is_own(&operator) => {}
            _ => return Ok(false),
        }
    }
    Ok(false)
}

/// A body that traps.
pub(super) fn trap() -> Vec<u8> {
    // No locals.
    vec![0, UNREACHABLE, END]
}

/// The body with a trap in place of each call of `panics`, without what only led there or what would
/// come after.
pub(super) fn without(
    body: &FunctionBody<'_>,
    panics: &HashSet<u32>,
) -> Result<Vec<u8>, BinaryReaderError> {
    let bytes = body.as_bytes();
    let mut out = Vec::new();
    let mut from = 0;
    for cut in cuts(body, panics)? {
        out.extend_from_slice(&bytes[from..cut.start]);
        out.push(UNREACHABLE);
        from = cut.end;
    }
    out.extend_from_slice(&bytes[from..]);
    Ok(out)
}

/// Where a body has instructions, of which the last is the end.
pub(super) fn whole(body: &FunctionBody<'_>) -> Result<Range<usize>, BinaryReaderError> {
    let start = body.get_operators_reader()?.original_position();
    Ok(start - body.range().start..body.as_bytes().len() - 1)
}

/// The parts of the body for which a trap can stand: each call of `panics` with what only led there
/// and what would come after.
pub(super) fn cuts(
    body: &FunctionBody<'_>,
    panics: &HashSet<u32>,
) -> Result<Vec<Range<usize>>, BinaryReaderError> {
    let base = body.range().start;
    let mut cuts: Vec<Range<usize>> = Vec::new();
    // Where a run of instructions begins that may go if a trap comes next.
    let mut run = None;
    // How many blocks are open that nothing reaches.
    let mut dead = None;
    for operator in body.get_operators_reader()?.into_iter_with_offsets() {
        let (operator, offset) = operator?;
        let offset = offset - base;
        if let Some(depth) = &mut dead {
            match operator {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => *depth += 1,
                Operator::End | Operator::Else if *depth == 0 => dead = None,
                Operator::End => *depth -= 1,
                _ => {}
            }
            if dead.is_some() {
                continue;
            }
            if let Some(cut) = cuts.last_mut() {
                cut.end = offset;
            }
        }
        let is_trap = match operator {
            Operator::Unreachable => true,
            Operator::Call { function_index } => panics.contains(&function_index),
            _ => false,
        };
        if is_trap {
            // Where it ends is known when something can be reached again.
            let start = run.unwrap_or(offset);
            cuts.push(start..start);
            (run, dead) = (None, Some(0));
        } else if is_silent(&operator) {
            run = run.or(Some(offset));
        } else {
            run = None;
        }
    }
    Ok(cuts)
}

/// Whether an instruction does nothing that is seen from outside once a trap follows.
///
/// A store is one of them: what is stored right before a trap is what the panic would say.
fn is_silent(operator: &Operator<'_>) -> bool {
    use Operator::*;
    matches!(
        operator,
        I32Const { .. }
            | I64Const { .. }
            | F32Const { .. }
            | F64Const { .. }
            | LocalGet { .. }
            | LocalSet { .. }
            | LocalTee { .. }
            | GlobalGet { .. }
            | I32Load { .. }
            | I64Load { .. }
            | I32Load8U { .. }
            | I32Load8S { .. }
            | I32Load16U { .. }
            | I32Load16S { .. }
            | F64Load { .. }
            | I32Store { .. }
            | I64Store { .. }
            | I32Store8 { .. }
            | I32Store16 { .. }
            | I32Add
            | I32Sub
            | I32Mul
            | I32And
            | I32Or
            | I32Xor
            | I32Shl
            | I32ShrU
            | I32ShrS
            | I64Add
            | I64Sub
            | I64And
            | I64Or
            | I64Shl
            | I64ShrU
            | I32Eqz
            | I32Eq
            | I32Ne
            | I32LtU
            | I32GtU
            | I32LeU
            | I32GeU
            | I32WrapI64
            | I64ExtendI32U
            | I64ExtendI32S
            | Select
            | Drop
    )
}

/// Whether an instruction concerns the function's own frame.
fn is_own(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::GlobalSet { .. })
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, Function, FunctionSection, Module, NameMap, NameSection, TypeSection, ValType,
    };

    use super::*;
    use crate::fold::{Functions, fold};

    /// Function 0 panics by its name, 1 does nothing but call it with what it would say, 2 returns
    /// 9 unless it is given zero, and is exported; 3 returns 5 and is not used.
    fn module() -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32], []);
        types.ty().function([ValType::I32], [ValType::I32]);
        let mut functions = FunctionSection::new();
        let mut code = CodeSection::new();
        let mut add = |signature, function: &mut Function| {
            function.instructions().end();
            functions.function(signature);
            code.function(function);
        };
        let mut function = Function::new([]);
        function.instructions().local_get(0).drop();
        add(0, &mut function);
        let mut function = Function::new([]);
        function.instructions().local_get(0).call(0).unreachable();
        add(0, &mut function);
        let mut function = Function::new([]);
        let mut body = function.instructions();
        body.local_get(0).if_(wasm_encoder::BlockType::Empty);
        body.i32_const(9).return_().end();
        body.i32_const(1234).call(1).i32_const(77);
        add(1, &mut function);
        let mut function = Function::new([]);
        function.instructions().i32_const(5);
        add(1, &mut function);
        let mut names = NameMap::new();
        names.append(0, "core[c5930c85a12de822]::panicking::panic_fmt");
        let mut name_section = NameSection::new();
        name_section.functions(&names);
        let mut exports = wasm_encoder::ExportSection::new();
        exports.export("two", wasm_encoder::ExportKind::Func, 2);
        let mut module = Module::new();
        module.section(&types).section(&functions);
        module
            .section(&exports)
            .section(&code)
            .section(&name_section);
        module.finish()
    }

    #[test]
    fn a_panic_becomes_a_trap_and_what_only_led_there_goes() {
        let folded = fold(&module()).expect("a sound module");
        let functions = Functions::of(&folded).expect("sound");
        // Nothing calls the others any more.
        assert_eq!(functions.bodies.len(), 1);
        let reader = functions.bodies[0].get_operators_reader().expect("sound");
        let operators: Result<Vec<_>, _> = reader.into_iter().collect();
        let told = format!("{:?}", operators.expect("sound"));
        assert!(told.contains("value: 9"), "{told}");
        assert!(told.ends_with("Return, End, Unreachable, End]"), "{told}");
        assert!(!told.contains("1234") && !told.contains("77"), "{told}");
        assert!(named(&folded).expect("sound").is_empty(), "names stay here");
    }

    #[test]
    fn only_what_always_panics_counts_as_a_panic() {
        for name in [
            "core[c5930c85a12de822]::panicking::panic_fmt",
            "core[c5930c85a12de822]::panicking::assert_failed::<usize, usize>",
            "<alloc[3ca501edff3f0c7c]::vec::Vec<_, _>>::remove::assert_failed",
            "alloc[3ca501edff3f0c7c]::raw_vec::handle_error",
            "core[c5930c85a12de822]::option::unwrap_failed",
        ] {
            assert!(is_panic(name), "{name}");
        }
        for name in [
            "<core[c5930c85a12de822]::panicking::AssertKind as core[c5930c85a12de822]::fmt::Debug>::fmt",
            "std[a543996e6e7dbf1e]::panicking::panic_count::is_zero_slow_path",
            "wasm_bindgen::__rt::borrow_fail",
            "wirebook_web::state::handle_error",
        ] {
            assert!(!is_panic(name), "{name}");
        }
    }
}
