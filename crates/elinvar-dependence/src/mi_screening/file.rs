//! Screening of a file that may be larger than memory.

use super::model::Screen;
use super::params::FileScreener;
use super::screen::{Scores, Screening};
use elinvar_core::{Context, Error, Result};
use elinvar_data::{TensorData, WideFile, read_arrays, write_arrays};
use ndarray::{Array1, Array2, ArrayView1, Axis};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a checkpoint is written.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Screens the columns of a file; `y` (n,) is the outcome where it is not a column of the file.
///
/// Memory holds one chunk of columns and the scores. An interrupted run goes on from its checkpoint.
///
/// # Errors
/// A file or column that is not there or unusable, a checkpoint of another screening, or what [`Screening::new`] and
/// [`Screening::score`] refuse.
pub fn screen_file(params: &FileScreener, path: &Path, y: Option<ArrayView1<'_, f64>>, ctx: &mut Context) -> Result<Screen> {
    let mut file = WideFile::open(path)?;
    let (y, target) = outcome(params, &mut file, y)?;
    let columns = columns(params, &file, target)?;
    let names: Vec<String> = columns.iter().map(|&j| file.names()[j].clone()).collect();
    let screening = Screening::new(&params.screener, y.view(), ctx)?;
    let mut checkpoint = Checkpoint::open(params, path, &names, ctx)?;
    let mut scores = checkpoint.take();
    while scores.scores.len() < columns.len() {
        let step = next_block(params, &mut file, &columns, &names, &screening, &mut scores, ctx);
        // What is done is kept, also when the work is stopped here.
        checkpoint.save(&scores, step.is_err())?;
        step?;
    }
    let mut column = |j: usize| file.column(columns[j]);
    let screen = Screen::new(&params.screener, names, scores, screening.n_rows(), screening.n_bins(), &mut column, ctx)?;
    checkpoint.remove();
    Ok(screen)
}

/// Scores the next chunk.
fn next_block(
    params: &FileScreener,
    file: &mut WideFile,
    columns: &[usize],
    names: &[String],
    screening: &Screening,
    scores: &mut Scores,
    ctx: &mut Context,
) -> Result<()> {
    let first = scores.scores.len();
    // Columns are scored in pairs; whole pairs make the scores independent of the chunks.
    let chunk = &columns[first..(first + params.chunk.next_multiple_of(2)).min(columns.len())];
    ctx.reserve("a chunk of columns", (4 * chunk.len() * file.n_rows()) as u64)?;
    let block = read_columns(file, chunk)?;
    scores.append(screening.score(block.view(), first, &|j| names[j].clone(), ctx)?);
    ctx.tick(scores.scores.len() as u64, columns.len() as u64, &[])
}

/// The outcome, and its position where it is a column.
fn outcome(params: &FileScreener, file: &mut WideFile, y: Option<ArrayView1<'_, f64>>) -> Result<(Array1<f64>, Option<usize>)> {
    match (y, &params.target) {
        (Some(_), Some(_)) => Err(Error::input("the outcome must be y or the column 'target', got both").hint("leave one of them out")),
        (None, None) => Err(Error::input("the outcome is missing").hint("name its column (target), or give it as y")),
        (Some(y), None) if y.len() != file.n_rows() => {
            Err(Error::input(format!("y must have {} rows like the file, got {}", file.n_rows(), y.len())))
        }
        (Some(y), None) => Ok((y.to_owned(), None)),
        (None, Some(name)) => {
            let position = file.position(name)?;
            Ok((file.column(position)?.into(), Some(position)))
        }
    }
}

/// Positions of the columns to screen, in the order of the file.
fn columns(params: &FileScreener, file: &WideFile, target: Option<usize>) -> Result<Vec<usize>> {
    let mut columns: Vec<usize> = match &params.columns {
        Some(names) => names.iter().map(|name| file.position(name)).collect::<Result<_>>()?,
        None => (0..file.names().len()).collect(),
    };
    columns.sort_unstable();
    columns.dedup();
    columns.retain(|&j| Some(j) != target);
    match columns.is_empty() {
        true => Err(Error::input("there are no columns to screen")),
        false => Ok(columns),
    }
}

/// Columns by ascending position: neighbours are read together.
fn read_columns(file: &mut WideFile, columns: &[usize]) -> Result<Array2<f32>> {
    let mut block = Array2::zeros((0, file.n_rows()));
    for run in columns.chunk_by(|a, b| a + 1 == *b) {
        let part = file.block(run[0]..run[run.len() - 1] + 1)?;
        block.append(Axis(0), part.view()).map_err(|e| Error::internal(e.to_string()))?;
    }
    Ok(block)
}

/// The scores so far in a file, so that an interrupted screening can go on.
struct Checkpoint {
    path: Option<PathBuf>,
    /// What the scores depend on, as JSON.
    key: Vec<u8>,
    found: Scores,
    saved: Instant,
}

impl Checkpoint {
    fn open(params: &FileScreener, data: &Path, names: &[String], ctx: &Context) -> Result<Self> {
        let size = std::fs::metadata(data).map_or(0, |m| m.len());
        let key = json!({"params": params.screener, "target": params.target, "seed": ctx.seed(), "size": size, "names": names});
        let mut checkpoint = Self {
            path: params.checkpoint.as_ref().map(PathBuf::from),
            key: key.to_string().into_bytes(),
            found: Scores { null: vec![Vec::new(); params.screener.n_permutations], ..Scores::default() },
            saved: Instant::now(),
        };
        if let Some(path) = checkpoint.path.clone().filter(|path| path.exists()) {
            checkpoint.found = checkpoint.read(&path)?;
        }
        Ok(checkpoint)
    }

    fn read(&self, path: &Path) -> Result<Scores> {
        let arrays = read_arrays(path)?;
        let find = |name: &str| arrays.iter().find(|(n, _)| n == name).map(|(_, a)| a.clone());
        let numbers = |name: &str| find(name).map(|a| a.into_f64().into_raw_vec_and_offset().0);
        let same = matches!(find("key"), Some(TensorData::U8(key)) if key.iter().eq(self.key.iter()));
        match (same, numbers("scores"), numbers("rows")) {
            (true, Some(scores), Some(rows)) => {
                let null = numbers("null").unwrap_or_default();
                let width = scores.len().max(1);
                let mut null: Vec<Vec<f64>> = null.chunks(width).map(<[f64]>::to_vec).collect();
                null.resize(self.found.null.len(), Vec::new());
                Ok(Scores { n_rows: rows.iter().map(|&n| n as usize).collect(), scores, null })
            }
            _ => Err(Error::file(path, "this checkpoint is of another screening").hint("delete it, or name another file")),
        }
    }

    fn take(&mut self) -> Scores {
        std::mem::take(&mut self.found)
    }

    /// Writes the scores when the last time is some seconds ago, or `now`.
    fn save(&mut self, scores: &Scores, now: bool) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        if scores.scores.is_empty() || !(now || self.saved.elapsed() >= SAVE_EVERY) {
            return Ok(());
        }
        let doubles = |values: Vec<f64>| TensorData::F64(Array1::from_vec(values).into_dyn());
        let arrays = [
            ("key".to_owned(), TensorData::U8(Array1::from_vec(self.key.clone()).into_dyn())),
            ("scores".to_owned(), doubles(scores.scores.clone())),
            ("rows".to_owned(), doubles(scores.n_rows.iter().map(|&n| n as f64).collect())),
            ("null".to_owned(), doubles(scores.null.concat())),
        ];
        write_arrays(path, &arrays)?;
        self.saved = Instant::now();
        Ok(())
    }

    /// A finished screening needs none; one that cannot be removed does no harm.
    fn remove(&self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}
