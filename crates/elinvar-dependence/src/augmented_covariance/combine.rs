//! Comparisons on several data sets as one: Stouffer's combination, weighted by the square roots of the numbers of subjects.

use elinvar_core::{Column, Error, Result, Table};
use elinvar_math::paired_tests::{bonferroni, stouffer};

/// What was found on the data sets that compared one ordered pair of pipelines.
struct Pair {
    better: String,
    than: String,
    differences: Vec<f64>,
    p_values: Vec<f64>,
    subjects: Vec<f64>,
}

/// One row an ordered pair: number of data sets and subjects, mean difference over subjects, p-values combined over the data sets.
///
/// `tests` has one row a data set and ordered pair, with the columns `better`, `than`, `difference`, `p_value` (one-sided) and
/// `n_subjects`, as the tests of [`super::Evaluation::evaluate`] have.
///
/// # Errors
/// A column that is missing, a cell that is empty, a p-value outside (0, 1\], or a number of subjects that is not positive.
pub fn combine_tests(tests: &Table) -> Result<Table> {
    let pairs = pairs(tests)?;
    let text = |of: fn(&Pair) -> &String| Column::Text(pairs.iter().map(|pair| Some(of(pair).clone())).collect());
    let total = |pair: &Pair| pair.subjects.iter().sum::<f64>();
    let difference = |pair: &Pair| pair.differences.iter().zip(&pair.subjects).map(|(d, n)| d * n).sum::<f64>() / total(pair);
    let combined = |pair: &Pair| stouffer(&pair.p_values, &pair.subjects.iter().map(|n| n.sqrt()).collect::<Vec<f64>>());
    let p_values = pairs.iter().map(combined).collect::<Result<Vec<f64>>>()?;
    let adjusted = bonferroni(&p_values);
    Table::new()
        .with("better", text(|pair| &pair.better))?
        .with("than", text(|pair| &pair.than))?
        .with("n_datasets", Column::Integer(pairs.iter().map(|pair| pair.p_values.len() as i64).collect()))?
        .with("n_subjects", Column::Number(pairs.iter().map(total).collect()))?
        .with("difference", Column::Number(pairs.iter().map(difference).collect()))?
        .with("p_value", Column::Number(p_values))?
        .with("p_bonferroni", Column::Number(adjusted))
}

/// Rows by ordered pair, in order of first appearance.
fn pairs(tests: &Table) -> Result<Vec<Pair>> {
    let names = |column: &str| -> Result<Vec<String>> {
        let cells = tests.column(column)?.to_labels().into_iter().enumerate();
        cells.map(|(row, cell)| cell.ok_or_else(|| Error::input(format!("'{column}' has a missing value in row {row}")))).collect()
    };
    let (better, than) = (names("better")?, names("than")?);
    let [differences, p_values, subjects] = [tests.numbers("difference")?, tests.numbers("p_value")?, tests.numbers("n_subjects")?];
    let bad = |row: usize, column: &str, expected: &str, value: f64| {
        Error::input(format!("'{column}' must be {expected}, got {value} in row {row}"))
    };
    let mut pairs: Vec<Pair> = Vec::new();
    for (row, (better, than)) in better.into_iter().zip(than).enumerate() {
        let (difference, p, n) = (differences[row], p_values[row], subjects[row]);
        if !difference.is_finite() {
            return Err(bad(row, "difference", "a number", difference));
        }
        if !(p > 0.0 && p <= 1.0) {
            return Err(bad(row, "p_value", "in (0, 1]", p));
        }
        if !(n > 0.0 && n.is_finite()) {
            return Err(bad(row, "n_subjects", "> 0", n));
        }
        let place = pairs.iter().position(|pair| pair.better == better && pair.than == than).unwrap_or_else(|| {
            pairs.push(Pair { better, than, differences: Vec::new(), p_values: Vec::new(), subjects: Vec::new() });
            pairs.len() - 1
        });
        pairs[place].differences.push(difference);
        pairs[place].p_values.push(p);
        pairs[place].subjects.push(n);
    }
    match pairs.is_empty() {
        true => Err(Error::input("'tests' must have at least 1 row, got 0")),
        false => Ok(pairs),
    }
}
