//! Makes the page's WebAssembly smaller to send without changing what it does.
//!
//! Rust compiles a generic function once per type, often to the very same instructions, and the
//! linker for WebAssembly keeps every copy. Here one of equal functions is kept. Then functions of
//! one signature are put next to each other: gzip looks back 32 KB at most, and a function
//! resembles those that take and return the same.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, Encode, FunctionSection, Module};
use wasmparser::{FunctionBody, FunctionSectionReader, Parser, Payload, TypeRef};

/// What can go wrong while instructions are copied.
type CopyError = Error<std::convert::Infallible>;

/// Where each function is to be found, by where it was.
struct Places(Vec<u32>);

impl Reencode for Places {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, CopyError> {
        // A place that is unknown is of a damaged module, which the browser will name.
        Ok(self.0.get(function as usize).copied().unwrap_or(function))
    }
}

/// A module's own functions.
#[derive(Default)]
struct Functions<'a> {
    /// Imported functions come before them in the count.
    imported: u32,
    signatures: Vec<u32>,
    bodies: Vec<FunctionBody<'a>>,
}

impl<'a> Functions<'a> {
    fn of(wasm: &'a [u8]) -> Result<Self> {
        let mut functions = Self::default();
        for part in Parser::new(0).parse_all(wasm) {
            match part? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        if matches!(import?.ty, TypeRef::Func(_)) {
                            functions.imported += 1;
                        }
                    }
                }
                Payload::FunctionSection(signatures) => {
                    functions.signatures = signatures.into_iter().collect::<Result<_, _>>()?;
                }
                Payload::CodeSectionEntry(body) => functions.bodies.push(body),
                _ => {}
            }
        }
        ensure!(
            functions.signatures.len() == functions.bodies.len(),
            "a function without signature or body"
        );
        Ok(functions)
    }

    /// The body as it reads when what it calls is found at these places.
    fn body(&self, which: usize, places: &mut Places) -> Result<Vec<u8>, CopyError> {
        let mut code = CodeSection::new();
        utils::parse_function_body(places, &mut code, self.bodies[which].clone())?;
        let mut bytes = Vec::new();
        code.encode(&mut bytes);
        Ok(bytes)
    }

    /// For each function, imported ones too, the first that is equal to it.
    fn equals(&self) -> Result<Vec<u32>, CopyError> {
        let count = self.imported + self.bodies.len() as u32;
        let mut equals: Vec<u32> = (0..count).collect();
        // Functions that call equal functions may be equal once these are one.
        loop {
            let mut places = Places(equals.clone());
            let mut firsts = HashMap::new();
            let mut next = equals.clone();
            for (which, signature) in self.signatures.iter().enumerate() {
                let place = self.imported + which as u32;
                let body = self.body(which, &mut places)?;
                next[place as usize] = *firsts.entry((*signature, body)).or_insert(place);
            }
            if next == equals {
                return Ok(equals);
            }
            equals = next;
        }
    }
}

/// A module that is written anew with fewer functions, in another order.
struct Rewrite<'a> {
    functions: Functions<'a>,
    /// Those to keep.
    order: Vec<usize>,
    places: Places,
    is_written: bool,
}

impl Reencode for Rewrite<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, CopyError> {
        self.places.function_index(function)
    }

    fn parse_function_section(
        &mut self,
        section: &mut FunctionSection,
        _: FunctionSectionReader<'_>,
    ) -> Result<(), CopyError> {
        for &which in &self.order {
            section.function(self.functions.signatures[which]);
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        _: FunctionBody<'_>,
    ) -> Result<(), CopyError> {
        // Asked for each body in the old order: the first time writes them all.
        if !std::mem::replace(&mut self.is_written, true) {
            for &which in &self.order {
                let body = self.functions.bodies[which].clone();
                utils::parse_function_body(&mut self.places, code, body)?;
            }
        }
        Ok(())
    }
}

/// The same module with one of equal functions, and functions that are alike side by side.
pub(crate) fn fold(wasm: &[u8]) -> Result<Vec<u8>> {
    let functions = Functions::of(wasm).context("reading the page's WebAssembly")?;
    let equals = functions.equals().context("comparing functions")?;
    let imported = functions.imported;
    let mut order: Vec<usize> = (0..functions.bodies.len())
        .filter(|which| equals[imported as usize + which] as usize == imported as usize + which)
        .collect();
    order.sort_by_key(|&which| {
        let body = functions.bodies[which].as_bytes();
        (functions.signatures[which], body.len(), body)
    });
    let mut places: Vec<u32> = (0..equals.len() as u32).collect();
    for (place, &which) in order.iter().enumerate() {
        places[imported as usize + which] = imported + place as u32;
    }
    let places = Places(equals.iter().map(|first| places[*first as usize]).collect());
    let mut rewrite = Rewrite {
        functions,
        order,
        places,
        is_written: false,
    };
    let mut module = Module::new();
    rewrite
        .parse_core_module(&mut module, Parser::new(0), wasm)
        .context("writing the page's WebAssembly")?;
    Ok(module.finish())
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        ExportKind, ExportSection, Function, InstructionSink, TypeSection, ValType,
    };

    use super::*;

    /// The bodies of what `wasm` exports, with its calls told as the numbers that the callees return.
    fn told(wasm: &[u8]) -> Result<(usize, Vec<String>)> {
        let functions = Functions::of(wasm)?;
        let mut told = Vec::new();
        for part in Parser::new(0).parse_all(wasm) {
            if let Payload::ExportSection(exports) = part? {
                for export in exports {
                    let mut words = Vec::new();
                    tell(&functions, export?.index, &mut words)?;
                    told.push(words.join(" "));
                }
            }
        }
        Ok((functions.bodies.len(), told))
    }

    fn tell(functions: &Functions<'_>, which: u32, words: &mut Vec<String>) -> Result<()> {
        for operator in functions.bodies[which as usize].get_operators_reader()? {
            match operator? {
                wasmparser::Operator::Call { function_index } => {
                    tell(functions, function_index, words)?;
                }
                wasmparser::Operator::I32Const { value } => words.push(value.to_string()),
                wasmparser::Operator::I64Const { value } => words.push(format!("{value} long")),
                _ => {}
            }
        }
        Ok(())
    }

    /// Functions 0 and 3 return 7, 1 returns 8, 2 a long 7; 4 calls 0 and 5 calls 3: both end up
    /// equal; 6 calls 1 and 7 calls 2.
    fn module() -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], [ValType::I64]);
        types.ty().function([], [ValType::I32]);
        let (mut functions, mut exports, mut code) = Default::default();
        let mut add = |signature: u32,
                       body: &dyn for<'a, 'b> Fn(
            &'a mut InstructionSink<'b>,
        ) -> &'a mut InstructionSink<'b>| {
            let functions: &mut FunctionSection = &mut functions;
            let exports: &mut ExportSection = &mut exports;
            let code: &mut CodeSection = &mut code;
            exports.export(&code.len().to_string(), ExportKind::Func, functions.len());
            functions.function(signature);
            let mut function = Function::new([]);
            body(&mut function.instructions()).end();
            code.function(&function);
        };
        add(1, &|sink| sink.i32_const(7));
        add(1, &|sink| sink.i32_const(8));
        add(0, &|sink| sink.i64_const(7));
        add(1, &|sink| sink.i32_const(7));
        add(1, &|sink| sink.call(0));
        add(1, &|sink| sink.call(3));
        add(1, &|sink| sink.call(1));
        add(0, &|sink| sink.call(2));
        let mut module = Module::new();
        module.section(&types).section(&functions);
        module.section(&exports).section(&code);
        module.finish()
    }

    #[test]
    fn equal_functions_become_one_and_the_others_stay_themselves() {
        let before = module();
        let after = fold(&before).expect("a sound module");
        let words = ["7", "8", "7 long", "7", "7", "7", "8", "7 long"].map(str::to_owned);
        assert_eq!(told(&before).expect("sound"), (8, words.to_vec()));
        assert_eq!(told(&after).expect("sound"), (6, words.to_vec()));
    }

    #[test]
    fn what_is_no_webassembly_is_an_error() {
        assert!(fold(b"\0asn\x01\0\0\0").is_err());
    }
}
