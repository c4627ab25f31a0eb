//! Makes the page's WebAssembly smaller to send without changing what it does.
//!
//! Rust compiles a generic function once per type, often to the very same instructions, and the
//! linker for WebAssembly keeps every copy. Here what panics would say is taken out, one of equal
//! functions is kept, and those that nothing calls any more go. Then functions that are alike are
//! put next to each other: gzip looks back 32 KB at most.

mod order;
mod panics;
mod silence;

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, CustomSection, Encode, FunctionSection, Module};
use wasmparser::{
    BinaryReader, ConstExpr, CustomSectionReader, ElementItems, ExternalKind, FunctionBody,
    FunctionSectionReader, KnownCustom, Operator, Parser, Payload, TypeRef,
};

pub(crate) use silence::silence;

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

    /// Those that do nothing but panic.
    fn panics(&self, wasm: &[u8]) -> Result<HashSet<u32>> {
        let mut panics = panics::named(wasm)?;
        // A function that does nothing but panic is one more; what calls nothing but that, too.
        loop {
            let known = panics.len();
            for (which, body) in self.bodies.iter().enumerate() {
                if panics::only_panics(body, &panics)? {
                    panics.insert(self.imported + which as u32);
                }
            }
            if panics.len() == known {
                return Ok(panics);
            }
        }
    }

    /// The bodies without what panics would say.
    fn without_panics(&self, wasm: &[u8]) -> Result<Vec<Vec<u8>>> {
        let panics = self.panics(wasm)?;
        let bodies = self.bodies.iter().enumerate();
        let mut without = Vec::new();
        for (which, body) in bodies {
            without.push(match panics.contains(&(self.imported + which as u32)) {
                true => panics::trap(),
                false => panics::without(body, &panics)?,
            });
        }
        Ok(without)
    }

    /// Whether each of the module's own functions is still called, or may be from outside or by its
    /// place in a table. Of equal ones the first is.
    fn used(&self, wasm: &[u8], equals: &[u32]) -> Result<Vec<bool>> {
        let mut used = vec![false; self.bodies.len()];
        let mut open = roots(wasm)?;
        while let Some(function) = open.pop() {
            let function = equals.get(function as usize).copied().unwrap_or(function);
            let Some(which) = function.checked_sub(self.imported) else {
                continue;
            };
            let which = which as usize;
            if which >= used.len() || std::mem::replace(&mut used[which], true) {
                continue;
            }
            for operator in self.bodies[which].get_operators_reader()? {
                open.extend(mentioned(&operator?));
            }
        }
        Ok(used)
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

/// The function that an instruction names.
fn mentioned(operator: &Operator<'_>) -> Option<u32> {
    match operator {
        Operator::Call { function_index }
        | Operator::ReturnCall { function_index }
        | Operator::RefFunc { function_index } => Some(*function_index),
        _ => None,
    }
}

/// The functions that are named outside of functions.
fn roots(wasm: &[u8]) -> Result<Vec<u32>> {
    fn constant(roots: &mut Vec<u32>, value: &ConstExpr<'_>) -> Result<()> {
        for operator in value.get_operators_reader() {
            roots.extend(mentioned(&operator?));
        }
        Ok(())
    }
    let mut roots = Vec::new();
    for part in Parser::new(0).parse_all(wasm) {
        match part? {
            Payload::StartSection { func, .. } => roots.push(func),
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        roots.push(export.index);
                    }
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    constant(&mut roots, &global?.init_expr)?;
                }
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    match element?.items {
                        ElementItems::Functions(functions) => {
                            for function in functions {
                                roots.push(function?);
                            }
                        }
                        ElementItems::Expressions(_, values) => {
                            for value in values {
                                constant(&mut roots, &value?)?;
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(roots)
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

    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: CustomSectionReader<'_>,
    ) -> Result<(), CopyError> {
        // Names are for panics to be found by, and stay here.
        if !matches!(section.as_known(), KnownCustom::Name(_)) {
            module.section(&CustomSection {
                name: section.name().into(),
                data: section.data().into(),
            });
        }
        Ok(())
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

/// The same module with fewer functions, and those that are alike side by side.
pub(crate) fn fold(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut functions = Functions::of(wasm).context("reading the page's WebAssembly")?;
    let bodies = functions.without_panics(wasm).context("cutting panics")?;
    functions.bodies = bodies
        .iter()
        .map(|body| FunctionBody::new(BinaryReader::new(body, 0)))
        .collect();
    let equals = functions.equals().context("comparing functions")?;
    let used = functions.used(wasm, &equals).context("following calls")?;
    let imported = functions.imported;
    let kept: Vec<usize> = (0..used.len()).filter(|which| used[*which]).collect();
    let kept_bodies: Vec<_> = kept.iter().map(|which| &bodies[*which][..]).collect();
    let order: Vec<_> = order::alike(&kept_bodies)
        .iter()
        .map(|place| kept[*place])
        .collect();
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
