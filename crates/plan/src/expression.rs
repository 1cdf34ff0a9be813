//! JMESPath expressions over the device document: checked once, evaluated for every device.

use jmespath::ast::Ast;
use jmespath::{
    Context, DEFAULT_RUNTIME, ErrorReason, JmespathError, Rcvar, RuntimeError, Variable, interpret,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Longest expression in characters. Parser and interpreter recurse over the expression, so its size must be bounded.
const LONGEST: usize = 1_000;

/// Most opening brackets and prefix operators in one expression: the parser recurses at each.
const MOST_BRACKETS: usize = 50;

/// Most levels of the parsed expression: the interpreter recurses at each. `a.b.c` has three.
const DEEPEST: usize = 100;

/// Largest index or slice step: the interpreter adds steps without looking for overflow.
const LARGEST_INDEX: i32 = 1_000_000;

/// Which top-level names of the device document are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopLevel {
    /// Any of them: an expression reads the document as a whole, or it could not be told.
    All,
    /// These only.
    Names(BTreeSet<String>),
}

impl TopLevel {
    /// Nothing is read.
    pub fn none() -> Self {
        Self::Names(BTreeSet::new())
    }

    /// Whether `name` may be read.
    pub fn reads(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => names.contains(name),
        }
    }

    /// Adds what `other` reads.
    pub(crate) fn join(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Names(own), Self::Names(more)) => own.extend(more.iter().cloned()),
            (_, Self::All) => *self = Self::All,
            (Self::All, _) => {}
        }
    }
}

/// A checked expression.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    /// As it was typed.
    pub text: String,
    /// The same for all expressions that differ in white space, quotes or needless parentheses only.
    pub canonical: String,
    /// What it reads.
    pub reads: TopLevel,
    ast: Ast,
}

impl Expression {
    /// Parses and checks an expression.
    ///
    /// # Errors
    /// The parser's message with a caret under the place, or which limit was passed.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the expression is empty".to_owned());
        }
        let length = text.chars().count();
        if length > LONGEST {
            return Err(format!(
                "the expression has {length} characters; {LONGEST} are the most allowed"
            ));
        }
        if text.chars().filter(|c| "([{!&".contains(*c)).count() > MOST_BRACKETS {
            return Err(format!(
                "the expression nests too deep; {MOST_BRACKETS} brackets are the most allowed"
            ));
        }
        let ast = jmespath::parse(text).map_err(|e| with_hint(text, &e))?;
        check(&ast, text, DEEPEST)?;
        let mut canonical = String::new();
        write_canonical(&ast, &mut canonical);
        let mut reads = TopLevel::none();
        collect_reads(&ast, true, &mut reads);
        Ok(Self {
            text: text.to_owned(),
            canonical,
            reads,
            ast,
        })
    }

    /// The value it has in a document; `None` when it is absent.
    ///
    /// # Errors
    /// What did not fit, e.g. a function applied to the wrong type. A function applied to an absent part is absent.
    pub fn search(&self, document: &Rcvar) -> Result<Option<Rcvar>, String> {
        let mut context = Context::new(&self.text, &DEFAULT_RUNTIME);
        match interpret(document, &self.ast, &mut context) {
            Ok(value) if value.is_null() => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(error) => match error.reason {
                ErrorReason::Runtime(RuntimeError::InvalidType { ref actual, .. }) if actual == "null" => {
                    Ok(None)
                }
                reason => Err(reason.to_string()),
            },
        }
    }
}

/// The parts of a document that are read, in the interpreter's own form.
pub(crate) fn readable(document: &Value, reads: &TopLevel) -> Rcvar {
    let Value::Object(parts) = document else {
        return Rcvar::new(Variable::Null);
    };
    let read = parts.iter().filter(|(name, _)| reads.reads(name));
    let converted = read.map(|(name, part)| (name.clone(), Rcvar::new(convert(part))));
    Rcvar::new(Variable::Object(converted.collect()))
}

fn convert(value: &Value) -> Variable {
    match value {
        Value::Null => Variable::Null,
        Value::Bool(b) => Variable::Bool(*b),
        Value::Number(n) => Variable::Number(n.clone()),
        Value::String(s) => Variable::String(s.clone()),
        Value::Array(items) => Variable::Array(items.iter().map(|v| Rcvar::new(convert(v))).collect()),
        Value::Object(parts) => Variable::Object(
            parts
                .iter()
                .map(|(k, v)| (k.clone(), Rcvar::new(convert(v))))
                .collect(),
        ),
    }
}

fn with_hint(text: &str, error: &JmespathError) -> String {
    let message = error.to_string();
    let message = message.trim_end();
    if text.contains("?.") {
        format!(
            "{message}\n`?.` is not JMESPath and not needed: absent parts are empty, so `os.name` is enough"
        )
    } else {
        message.to_owned()
    }
}

/// Refuses what the parser lets through and the interpreter cannot run.
fn check(ast: &Ast, text: &str, levels_left: usize) -> Result<(), String> {
    let Some(levels_left) = levels_left.checked_sub(1) else {
        return Err(format!(
            "the expression nests too deep; {DEEPEST} levels are the most allowed"
        ));
    };
    match ast {
        Ast::Function { name, offset, .. } if DEFAULT_RUNTIME.get_function(name).is_none() => {
            let reason = ErrorReason::Runtime(RuntimeError::UnknownFunction(name.clone()));
            return Err(JmespathError::new(text, *offset, reason)
                .to_string()
                .trim_end()
                .to_owned());
        }
        Ast::Slice {
            start, stop, step, ..
        } => {
            if *step == 0 {
                return Err("a slice cannot have the step 0".to_owned());
            }
            for bound in [*start, *stop, Some(*step)].into_iter().flatten() {
                check_index(bound)?;
            }
        }
        Ast::Index { idx, .. } => check_index(*idx)?,
        _ => {}
    }
    children(ast)
        .into_iter()
        .try_for_each(|child| check(child, text, levels_left))
}

fn check_index(index: i32) -> Result<(), String> {
    if index.unsigned_abs() > LARGEST_INDEX.unsigned_abs() {
        return Err(format!("the index {index} is beyond ±{LARGEST_INDEX}"));
    }
    Ok(())
}

fn children(ast: &Ast) -> Vec<&Ast> {
    match ast {
        Ast::Comparison { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. } => vec![lhs, rhs],
        Ast::Condition { predicate, then, .. } => vec![predicate, then],
        Ast::Expref { ast, .. } => vec![ast],
        Ast::Flatten { node, .. } | Ast::Not { node, .. } | Ast::ObjectValues { node, .. } => vec![node],
        Ast::Function { args, .. } => args.iter().collect(),
        Ast::MultiList { elements, .. } => elements.iter().collect(),
        Ast::MultiHash { elements, .. } => elements.iter().map(|pair| &pair.value).collect(),
        Ast::Identity { .. }
        | Ast::Field { .. }
        | Ast::Index { .. }
        | Ast::Literal { .. }
        | Ast::Slice { .. } => vec![],
    }
}

/// Collects what an expression reads. `at_root` says whether it is evaluated against the document itself.
fn collect_reads(ast: &Ast, at_root: bool, reads: &mut TopLevel) {
    match ast {
        Ast::Identity { .. } if at_root => *reads = TopLevel::All,
        Ast::Field { name, .. } if at_root => reads.join(&TopLevel::Names([name.clone()].into())),
        // `@.name`: the right side sees what the left side is.
        Ast::Subexpr { lhs, rhs, .. } if at_root && matches!(**lhs, Ast::Identity { .. }) => {
            collect_reads(rhs, true, reads);
        }
        Ast::Subexpr { lhs, rhs, .. } | Ast::Projection { lhs, rhs, .. } => {
            collect_reads(lhs, at_root, reads);
            collect_reads(rhs, false, reads);
        }
        // Evaluated later, against the elements of a list.
        Ast::Expref { ast, .. } => collect_reads(ast, false, reads),
        _ => {
            for child in children(ast) {
                collect_reads(child, at_root, reads);
            }
        }
    }
}

/// Writes an expression without positions, so that equal ones give equal text.
fn write_canonical(ast: &Ast, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = match ast {
        Ast::Identity { .. } => write!(out, "@"),
        Ast::Field { name, .. } => write!(out, "{name:?}"),
        Ast::Index { idx, .. } => write!(out, "[{idx}]"),
        Ast::Slice {
            start, stop, step, ..
        } => write!(out, "[{start:?}:{stop:?}:{step}]"),
        Ast::Literal { value, .. } => write!(out, "`{value}`"),
        Ast::Comparison { comparator, .. } => write!(out, "{comparator:?}"),
        Ast::Function { name, .. } => write!(out, "{name}()"),
        Ast::MultiHash { elements, .. } => {
            let keys: Vec<&str> = elements.iter().map(|pair| pair.key.as_str()).collect();
            write!(out, "hash{keys:?}")
        }
        Ast::Condition { .. } => write!(out, "if"),
        Ast::Expref { .. } => write!(out, "&"),
        Ast::Flatten { .. } => write!(out, "flatten"),
        Ast::MultiList { .. } => write!(out, "list"),
        Ast::Not { .. } => write!(out, "not"),
        Ast::Projection { .. } => write!(out, "each"),
        Ast::ObjectValues { .. } => write!(out, "values"),
        Ast::And { .. } => write!(out, "and"),
        Ast::Or { .. } => write!(out, "or"),
        Ast::Subexpr { .. } => write!(out, "sub"),
    };
    let children = children(ast);
    if !children.is_empty() {
        out.push('(');
        for child in children {
            write_canonical(child, out);
            out.push(',');
        }
        out.push(')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn compiled(text: &str) -> Expression {
        Expression::compile(text).unwrap()
    }

    #[test]
    fn equal_expressions_have_one_canonical_form() {
        let same = [
            "a.b[0] || c",
            " a . b [0]||c ",
            "(a.b[0]) || (c)",
            "\"a\".\"b\"[0] || c",
            "a | b[0] || c",
        ];
        for text in &same[..4] {
            assert_eq!(compiled(text).canonical, compiled(same[0]).canonical, "{text}");
        }
        for text in [
            same[4],
            "a.b[1] || c",
            "c || a.b[0]",
            "a.b[0]",
            "a.b[0] || 'c'",
            "length(a.b[0] || c)",
        ] {
            assert_ne!(compiled(text).canonical, compiled(same[0]).canonical, "{text}");
        }
    }

    #[test]
    fn reads_are_the_names_at_the_top() {
        for (text, names) in [
            ("system.serialNumber", vec!["system"]),
            ("systemName || dnsName", vec!["systemName", "dnsName"]),
            ("volumes[0].capacity", vec!["volumes"]),
            ("volumes[?name == 'C:'].capacity | [0]", vec!["volumes"]),
            ("map(&name, volumes)", vec!["volumes"]),
            ("@.os.name", vec!["os"]),
            ("[a, b.c]", vec!["a", "b"]),
            ("'text'", vec![]),
        ] {
            let names = names.into_iter().map(str::to_owned).collect();
            assert_eq!(compiled(text).reads, TopLevel::Names(names), "{text}");
        }
        for text in [
            "@",
            "*",
            "keys(@)",
            "to_string(@)",
            "@ || os",
            "[@][0].os",
            "map(&os, [@])",
        ] {
            assert_eq!(compiled(text).reads, TopLevel::All, "{text}");
        }
    }

    #[track_caller]
    fn check_refused(text: &str, part: &str) {
        let message = Expression::compile(text).unwrap_err();
        assert!(message.contains(part), "{text:?}: {message}");
    }

    #[test]
    fn bad_expressions_are_refused_with_the_place() {
        check_refused("", "empty");
        check_refused("volumes[0", "volumes[0\n         ^");
        check_refused("os?.name", "`os.name` is enough");
        check_refused("lenght(volumes)", "undefined function lenght");
        check_refused("volumes[::0]", "step 0");
        check_refused("volumes[1::2147483647]", "beyond");
        check_refused(&"(".repeat(51), "too deep");
        check_refused(&format!("{}a", "a.".repeat(100)), "too deep");
        check_refused(&"a".repeat(1_001), "1001 characters");
    }

    #[test]
    fn the_largest_expressions_fit_the_stack() {
        let document = readable(&json!({"a": {"a": 1}}), &TopLevel::All);
        for text in [
            format!("{}a", "a.".repeat(99)),
            format!("{}a", "b||".repeat(99)),
            format!("{}a{}", "(".repeat(50), ")".repeat(50)),
            format!("{}a{}", "[".repeat(50), "]".repeat(50)),
            format!("{}a", "!".repeat(50)),
        ] {
            assert!(compiled(&text).search(&document).is_ok(), "{text}");
        }
    }

    #[test]
    fn functions_of_absent_parts_are_absent() {
        let document = readable(&json!({"n": 1}), &TopLevel::All);
        assert_eq!(compiled("length(volumes)").search(&document), Ok(None));
        assert_eq!(compiled("sum(volumes[*].capacity)").search(&document), Ok(None));
        assert!(
            compiled("length(n)")
                .search(&document)
                .unwrap_err()
                .contains("expects type")
        );
    }
}
