//! The audit of a score: every measure, its test, and who is treated differently.

use super::algorithm::Settings;
use super::encode::{Encoder, Protected};
use super::measures::{Term, attribution, permutation_test, statistic};
use super::metrics::{groups, jensen_shannon, joint_labels, mean, unfairness};
use super::params::{FairnessAudit, Measure};
use elinvar_core::error::suggestion;
use elinvar_core::{Checked, Column, Context, Error, Result, Table, check_finite_vector};
use ndarray::ArrayView1;
use std::collections::BTreeMap;

/// Rows below which the figures of an intersection are noise.
const FEW_ROWS: usize = 30;
/// Share of JdCov² that may come from the attributes alone before a warning.
const FLOOR_SHARE: f64 = 0.1;

/// What an audit finds.
#[derive(Clone, Debug)]
pub struct AuditReport {
    /// Measure, value and p-value: ccdcov, jdcov, sum, eta (ccdcov - sum), floor (c JdCov² of the attributes alone).
    pub summary: Table,
    /// Each attribute alone: dcov, dcor, p-value, divergence, unfairness.
    pub marginal: Table,
    /// Each pair of attributes together: dependence, divergence, unfairness; none where there is one attribute.
    pub pairs: Option<Table>,
    /// Pair and triple terms with family-wise p-values: which intersection drives the dependence.
    pub attribution: Table,
    /// Every joint group: rows, share, mean score, mean outcome.
    pub subgroups: Table,
    /// Jensen-Shannon divergence between joint groups (bits).
    pub jsd: f64,
    /// Unfairness: variance of group means over variance of the score.
    pub uf: f64,
}

pub(super) fn audit(
    params: &Checked<FairnessAudit>,
    score: ArrayView1<'_, f64>,
    protected: &Table,
    outcome: Option<ArrayView1<'_, f64>>,
    ctx: &mut Context,
) -> Result<AuditReport> {
    check_finite_vector("yhat", score)?;
    if score.len() != protected.n_rows() {
        return Err(Error::input(format!("yhat must have {} rows like the protected columns, got {}", protected.n_rows(), score.len())));
    }
    let (encoder, encoded) = Encoder::fit_encode(protected, &params.types)?;
    let labels = encoder.labels(protected, params.n_bins)?;
    let joint = joint_labels(&chosen(params.groups.as_deref(), protected, &labels)?);
    warn_of_small_groups(&joint, ctx);
    let summary = summarise(params, score, &encoded, ctx)?;
    let marginal = marginal(params, score, &encoded, &labels, ctx)?;
    let pairs = pairs(params, score, &encoded, &labels, ctx)?;
    let terms = attribution(score, &encoded, params.n_permutations, ctx)?;
    Ok(AuditReport {
        summary,
        marginal,
        pairs,
        attribution: attribution_table(&terms)?,
        subgroups: subgroups(score, outcome, &joint)?,
        jsd: jensen_shannon(score, &joint, params.bandwidth),
        uf: unfairness(score, &joint),
    })
}

/// The labels of the attributes that form the groups.
fn chosen(groups: Option<&[String]>, protected: &Table, labels: &[Vec<String>]) -> Result<Vec<Vec<String>>> {
    let Some(names) = groups else { return Ok(labels.to_vec()) };
    if names.is_empty() {
        return Err(Error::parameter("groups", "none or a list of at least one attribute", "an empty list"));
    }
    let known: Vec<&str> = protected.names().iter().map(String::as_str).collect();
    let find = |name: &String| match known.iter().position(|k| k == name) {
        Some(j) => Ok(labels[j].clone()),
        None => Err(Error::parameter("groups", "about protected columns", format!("'{name}'")).hint(suggestion(
            name,
            &known,
            "the protected columns are",
        ))),
    };
    names.iter().map(find).collect()
}

fn warn_of_small_groups(joint: &[String], ctx: &mut Context) {
    let smallest = groups(joint).into_iter().map(|(label, rows)| (rows.len(), label)).min();
    if let Some((rows, label)) = smallest.filter(|(rows, _)| *rows < FEW_ROWS) {
        ctx.warn(format!("the group '{label}' has {rows} rows, fewer than {FEW_ROWS}: its figures are noise"));
    }
}

fn p_value(score: ArrayView1<'_, f64>, blocks: &Protected, settings: &Settings, n: usize, ctx: &Context) -> Result<f64> {
    if n == 0 {
        return Ok(f64::NAN);
    }
    Ok(permutation_test(score, blocks, settings, n, ctx)?.p_value)
}

fn summarise(params: &FairnessAudit, score: ArrayView1<'_, f64>, blocks: &Protected, ctx: &mut Context) -> Result<Table> {
    let settings = |measure| Settings { measure, c: params.c, ..Settings::default() };
    let value = |measure, ctx: &Context| statistic(score, blocks, &settings(measure), ctx);
    let (cc, jd, sum) = (value(Measure::Ccdcov, ctx)?, value(Measure::Jdcov, ctx)?, value(Measure::Sum, ctx)?);
    let floor = super::algorithm::Penalty::new(blocks, &settings(Measure::Jdcov), ctx)?.floor();
    if blocks.blocks.len() > 1 && floor > FLOOR_SHARE * jd.abs() {
        ctx.warn(format!("protected attributes are dependent: prefer ccdcov (their own part is {floor:.3e} of a JdCov² of {jd:.3e})"));
    }
    let p = |measure, ctx: &Context| p_value(score, blocks, &settings(measure), params.n_permutations, ctx);
    let rows = [
        ("ccdcov", cc, p(Measure::Ccdcov, ctx)?),
        ("jdcov", jd, p(Measure::Jdcov, ctx)?),
        ("sum", sum, p(Measure::Sum, ctx)?),
        ("eta", cc - sum, f64::NAN),
        ("floor", floor, f64::NAN),
    ];
    Table::new()
        .with("measure", texts(rows.iter().map(|r| r.0.to_owned())))?
        .with("value", Column::Number(rows.iter().map(|r| r.1).collect()))?
        .with("p_value", Column::Number(rows.iter().map(|r| r.2).collect()))
}

fn marginal(
    params: &FairnessAudit,
    score: ArrayView1<'_, f64>,
    blocks: &Protected,
    labels: &[Vec<String>],
    ctx: &Context,
) -> Result<Table> {
    let (mut dcov, mut dcor, mut p) = (Vec::new(), Vec::new(), Vec::new());
    for j in 0..blocks.blocks.len() {
        let one = blocks.only(j);
        dcov.push(statistic(score, &one, &Settings::default(), ctx)?);
        dcor.push(statistic(score, &one, &Settings { measure: Measure::Dcor, ..Settings::default() }, ctx)?);
        p.push(p_value(score, &one, &Settings::default(), params.n_permutations, ctx)?);
    }
    Table::new()
        .with("attribute", texts(blocks.blocks.iter().map(|b| b.name.clone())))?
        .with("dcov", Column::Number(dcov))?
        .with("dcor", Column::Number(dcor))?
        .with("p_value", Column::Number(p))?
        .with("jsd", Column::Number(labels.iter().map(|l| jensen_shannon(score, l, params.bandwidth)).collect()))?
        .with("uf", Column::Number(labels.iter().map(|l| unfairness(score, l)).collect()))
}

fn pairs(
    params: &FairnessAudit,
    score: ArrayView1<'_, f64>,
    blocks: &Protected,
    labels: &[Vec<String>],
    ctx: &Context,
) -> Result<Option<Table>> {
    let count = blocks.blocks.len();
    let couples: Vec<(usize, usize)> = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).collect();
    if couples.is_empty() {
        return Ok(None);
    }
    let (mut names, mut ccdcov, mut jsd, mut uf) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (a, b) in couples {
        let both = Protected::new(vec![blocks.blocks[a].clone(), blocks.blocks[b].clone()]);
        let joint = joint_labels(&[labels[a].clone(), labels[b].clone()]);
        names.push(format!("{} x {}", both.blocks[0].name, both.blocks[1].name));
        ccdcov.push(statistic(score, &both, &Settings::default(), ctx)?);
        jsd.push(jensen_shannon(score, &joint, params.bandwidth));
        uf.push(unfairness(score, &joint));
    }
    let table = Table::new().with("attributes", texts(names.into_iter()))?.with("ccdcov", Column::Number(ccdcov))?;
    table.with("jsd", Column::Number(jsd))?.with("uf", Column::Number(uf)).map(Some)
}

fn attribution_table(terms: &[Term]) -> Result<Table> {
    Table::new()
        .with("term", texts(terms.iter().map(|t| t.attributes.join(" x "))))?
        .with("value", Column::Number(terms.iter().map(|t| t.value).collect()))?
        .with("p_value", Column::Number(terms.iter().map(|t| t.p_value).collect()))?
        .with("p_value_family", Column::Number(terms.iter().map(|t| t.p_value_family).collect()))
}

fn subgroups(score: ArrayView1<'_, f64>, outcome: Option<ArrayView1<'_, f64>>, joint: &[String]) -> Result<Table> {
    let groups: BTreeMap<String, Vec<usize>> = groups(joint);
    let pick = |v: ArrayView1<'_, f64>, rows: &[usize]| mean(&rows.iter().map(|&i| v[i]).collect::<Vec<_>>());
    let table = Table::new()
        .with("group", texts(groups.keys().cloned()))?
        .with("rows", Column::Integer(groups.values().map(|r| r.len() as i64).collect()))?
        .with("share", Column::Number(groups.values().map(|r| r.len() as f64 / joint.len() as f64).collect()))?
        .with("mean_score", Column::Number(groups.values().map(|r| pick(score, r)).collect()))?;
    match outcome {
        Some(y) if y.len() == score.len() => table.with("mean_outcome", Column::Number(groups.values().map(|r| pick(y, r)).collect())),
        Some(y) => Err(Error::input(format!("y must have {} rows like yhat, got {}", score.len(), y.len()))),
        None => Ok(table),
    }
}

fn texts(values: impl Iterator<Item = String>) -> Column {
    Column::Text(values.map(Some).collect())
}
