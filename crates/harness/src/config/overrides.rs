//! `--set key=value`: a sweep file with single values changed.

use toml::{Table, Value};

/// Sets `path=value` in a table. A path is dotted; a number steps into a list; the value is written as in TOML, quotes
/// around a bare word may be left out.
pub(super) fn set(table: &mut Table, assignment: &str) -> Result<(), String> {
    let (path, text) =
        assignment.split_once('=').ok_or_else(|| format!("`--set {assignment}` has no `=`\n  help: write `--set seeds=[1]`"))?;
    place(table, path, parse(text)).map_err(|step| format!("`--set {assignment}`: there is no `{step}` to set in"))
}

/// Puts a value where a path points to; the step that leads nowhere is the error.
pub(super) fn place(table: &mut Table, path: &str, value: Value) -> Result<(), String> {
    let mut steps: Vec<&str> = path.split('.').collect();
    let last = steps.pop().unwrap_or(path);
    let mut root = Value::Table(std::mem::take(table));
    let outcome =
        steps.iter().try_fold(&mut root, |place, step| child(place, step).ok_or_else(|| (*step).to_owned())).and_then(
            |place| match place {
                Value::Table(inner) => {
                    inner.insert(last.to_owned(), value);
                    Ok(())
                }
                Value::Array(items) => {
                    let slot = last.parse().ok().and_then(|i: usize| items.get_mut(i)).ok_or_else(|| last.to_owned())?;
                    *slot = value;
                    Ok(())
                }
                Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => Err(last.to_owned()),
            },
        );
    if let Value::Table(inner) = root {
        *table = inner;
    }
    outcome
}

fn child<'a>(value: &'a mut Value, step: &str) -> Option<&'a mut Value> {
    match value {
        Value::Table(table) => Some(table.entry(step).or_insert_with(|| Value::Table(Table::new()))),
        Value::Array(items) => step.parse().ok().and_then(|i: usize| items.get_mut(i)),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => None,
    }
}

fn parse(text: &str) -> Value {
    let document: Result<Table, _> = format!("value = {text}").parse();
    document.ok().and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(assignment: &str) -> Result<String, String> {
        let mut table: Table = "seeds = [1, 2]\n[[experiment]]\nbudget = { epochs = 3 }\n".parse().unwrap();
        set(&mut table, assignment).map(|()| table.to_string())
    }

    #[test]
    fn values_are_replaced_and_added() {
        assert!(after("seeds=[7]").unwrap().contains("seeds = [7]"));
        assert!(after("experiment.0.budget.epochs=9").unwrap().contains("epochs = 9"));
        assert!(after("name=quick").unwrap().contains("name = \"quick\""));
        assert!(after("method.ilm.use=vp-ilm").unwrap().contains("use = \"vp-ilm\""));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(after("seeds").unwrap_err(), "`--set seeds` has no `=`\n  help: write `--set seeds=[1]`");
        assert_eq!(after("experiment.4.x=1").unwrap_err(), "`--set experiment.4.x=1`: there is no `4` to set in");
        assert_eq!(after("seeds.a.b=1").unwrap_err(), "`--set seeds.a.b=1`: there is no `a` to set in");
    }
}
