//! Data frames from R's `save()` files (`.rda`, `.RData`): gzip or plain, XDR serialisation of versions 2 and 3.
//!
//! The format is that of chapter 1.8 of "R Internals": a stream of big-endian items, each a flag word (type, attributes, tag) and its
//! payload. Only data are read: functions, environments and byte code are refused, so that nothing from the file can be run.

use crate::limits::{decompressed_limit, human, read_bounded};
use elinvar_core::{Column, Error, Kind, Result, Table};
use flate2::read::MultiGzDecoder;
use std::rc::Rc;

/// Deepest nesting of lists and attributes.
const MAX_DEPTH: usize = 64;
/// R's missing integer and logical.
const MISSING: i32 = i32::MIN;

/// Every data frame of the file with its name, in the order of the file. Factors become text, integers and logicals with missing
/// cells become numbers with NaN.
///
/// # Errors
/// When the bytes are not such a file, end too early, declare more than they hold, hold no data frame, or a column is of a kind that
/// a table cannot hold.
pub fn parse(bytes: &[u8]) -> Result<Vec<(String, Table)>> {
    let plain = decompress(bytes)?;
    let mut reader = Reader { bytes: &plain, position: 0, symbols: Vec::new() };
    reader.header()?;
    let Value { data: Data::Pairs(objects), .. } = reader.item(0)? else { return Err(damaged("it does not hold a list of objects")) };
    let named = objects.iter().map(|(name, object)| (name.as_deref().unwrap_or_default(), object));
    let mut tables = Vec::new();
    for (name, object) in named.clone().filter(|(_, object)| object.is("data.frame")) {
        tables.push((name.to_owned(), table(object, plain.len()).map_err(|e| in_frame(name, &e))?));
    }
    if tables.is_empty() {
        let names: Vec<&str> = named.map(|(name, _)| name).collect();
        return Err(Error::new(Kind::File, "the R data file holds no data frame").hint(format!("its objects are: {}", names.join(", "))));
    }
    Ok(tables)
}

fn damaged(message: impl std::fmt::Display) -> Error {
    Error::new(Kind::File, format!("not a sound R data file: {message}"))
}

fn unsupported(what: &str) -> Error {
    Error::new(Kind::File, format!("the R data file holds {what}"))
        .hint("save only the data frame, or write it with write.csv(..., row.names = FALSE)")
}

fn in_frame(name: &str, error: &Error) -> Error {
    Error::new(error.kind(), format!("data frame '{name}': {error}"))
}

fn decompress(bytes: &[u8]) -> Result<Vec<u8>> {
    let hint = "save it again in R with save(..., compress = \"gzip\")";
    if bytes.starts_with(b"BZh") || bytes.starts_with(b"\xfd7zXZ") {
        return Err(Error::new(Kind::File, "the R data file is compressed with bzip2 or xz").hint(hint));
    }
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.to_vec());
    }
    let stored = bytes.len() as u64;
    let limit = decompressed_limit(stored);
    read_bounded(MultiGzDecoder::new(bytes), limit)
        .map_err(|e| damaged("the gzip data are damaged or cut short").caused_by(e))?
        .ok_or_else(|| damaged(format!("{} of gzip data decompress to more than {}", human(stored), human(limit))))
}

/// One R object: its data and its attributes by name.
#[derive(Clone, Debug)]
struct Value {
    data: Data,
    attributes: Vec<(Option<Rc<str>>, Value)>,
}

#[derive(Clone, Debug)]
enum Data {
    Null,
    Symbol(Rc<str>),
    Pairs(Vec<(Option<Rc<str>>, Value)>),
    Logical(Vec<i32>),
    Integer(Vec<i32>),
    Real(Vec<f64>),
    Text(Vec<Option<Rc<str>>>),
    String(Option<Rc<str>>),
    List(Vec<Value>),
    /// first, first + step, ...: kept short, so that eight bytes cannot ask for gigabytes.
    Sequence {
        length: f64,
        first: f64,
        step: f64,
    },
    /// Complex numbers, raw bytes: skipped, refused where a table would need them.
    Other(&'static str),
}

impl Value {
    fn plain(data: Data) -> Self {
        Self { data, attributes: Vec::new() }
    }

    fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(tag, _)| tag.as_deref() == Some(name)).map(|(_, value)| value)
    }

    fn texts(&self) -> &[Option<Rc<str>>] {
        match &self.data {
            Data::Text(texts) => texts,
            _ => &[],
        }
    }

    /// Whether the object's class attribute has this name.
    fn is(&self, class: &str) -> bool {
        self.attribute("class").is_some_and(|c| c.texts().iter().any(|t| t.as_deref() == Some(class)))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Symbols that later items refer to by number.
    symbols: Vec<Rc<str>>,
}

/// Type, attributes and tag of an item, from its first word.
#[derive(Clone, Copy)]
struct Flags(u32);

impl Flags {
    fn kind(self) -> u32 {
        self.0 & 0xff
    }
    fn has_attributes(self) -> bool {
        self.0 & 0x200 != 0
    }
    fn has_tag(self) -> bool {
        self.0 & 0x400 != 0
    }
    fn is_latin1(self) -> bool {
        self.0 >> 12 & 4 != 0
    }
}

impl<'a> Reader<'a> {
    fn header(&mut self) -> Result<()> {
        let magic = self.take(5)?;
        if magic != b"RDX2\n" && magic != b"RDX3\n" {
            return Err(damaged("it does not begin with RDX2 or RDX3"));
        }
        if self.take(2)? != b"X\n" {
            return Err(unsupported("another serialisation than XDR"));
        }
        let version = self.int()?;
        self.take(8)?;
        match version {
            2 => Ok(()),
            3 => {
                let length = self.length(1)?;
                self.take(length).map(|_encoding| ())
            }
            other => Err(unsupported(&format!("serialisation version {other}"))),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.position.checked_add(length).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or_else(|| damaged(format!("it ends too early, {length} bytes are missing at byte {}", self.position)))?;
        let taken = &self.bytes[self.position..end];
        self.position = end;
        Ok(taken)
    }

    fn word(&mut self) -> Result<u32> {
        let b = self.take(4)?;
        Ok(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    fn int(&mut self) -> Result<i32> {
        Ok(self.word()? as i32)
    }

    /// A declared number of elements of at least `size` bytes, compared with the bytes that are left.
    fn length(&mut self, size: usize) -> Result<usize> {
        let length = self.int()?;
        let left = self.bytes.len() - self.position;
        usize::try_from(length).ok().filter(|length| length.checked_mul(size).is_some_and(|bytes| bytes <= left)).ok_or_else(|| {
            damaged(format!("{length} elements of {size} bytes are declared at byte {}, {left} bytes are left", self.position))
        })
    }

    fn item(&mut self, depth: usize) -> Result<Value> {
        if depth > MAX_DEPTH {
            return Err(damaged(format!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        let flags = Flags(self.word()?);
        let data = match flags.kind() {
            // Pair lists carry their attributes in front, as does the alternative representation its own.
            2 => return self.pairs(flags, depth),
            238 => return self.compact(depth),
            254 | 251 | 252 | 253 | 241 | 242 => Data::Null,
            255 => return self.reference(flags),
            1 => return self.symbol(depth),
            9 => return Ok(Value::plain(Data::String(self.string(flags)?))),
            10 => Data::Logical(self.ints()?),
            13 => Data::Integer(self.ints()?),
            14 => Data::Real(self.reals()?),
            15 => self.skip(16, "complex numbers")?,
            24 => self.skip(1, "raw bytes")?,
            16 => Data::Text(self.strings()?),
            19 | 20 => {
                let length = self.length(4)?;
                Data::List((0..length).map(|_| self.item(depth + 1)).collect::<Result<_>>()?)
            }
            3 | 4 | 5 | 6 | 7 | 8 | 17 | 21 | 239 | 240 | 243 | 244 => return Err(unsupported("code or an environment")),
            other => return Err(unsupported(&format!("an object of type {other}"))),
        };
        let attributes = if flags.has_attributes() { self.attributes(depth)? } else { Vec::new() };
        Ok(Value { data, attributes })
    }

    fn attributes(&mut self, depth: usize) -> Result<Vec<(Option<Rc<str>>, Value)>> {
        match self.item(depth + 1)?.data {
            Data::Pairs(pairs) => Ok(pairs),
            Data::Null => Ok(Vec::new()),
            _ => Err(damaged("attributes are no pair list")),
        }
    }

    /// A pair list, cell by cell: the tail is followed in a loop, so that its length does not deepen the stack.
    fn pairs(&mut self, first: Flags, depth: usize) -> Result<Value> {
        let mut flags = first;
        let mut pairs = Vec::new();
        let mut attributes = Vec::new();
        loop {
            match flags.kind() {
                2 => {}
                254 => return Ok(Value { data: Data::Pairs(pairs), attributes }),
                _ => return Err(damaged("a pair list does not end")),
            }
            if flags.has_attributes() {
                attributes.extend(self.attributes(depth)?);
            }
            let tag = if flags.has_tag() { self.tag(depth)? } else { None };
            pairs.push((tag, self.item(depth + 1)?));
            flags = Flags(self.word()?);
        }
    }

    fn tag(&mut self, depth: usize) -> Result<Option<Rc<str>>> {
        match self.item(depth + 1)?.data {
            Data::Symbol(name) => Ok(Some(name)),
            _ => Err(damaged("a name is no symbol")),
        }
    }

    fn symbol(&mut self, depth: usize) -> Result<Value> {
        let Data::String(Some(name)) = self.item(depth + 1)?.data else { return Err(damaged("a symbol has no name")) };
        self.symbols.push(name.clone());
        Ok(Value::plain(Data::Symbol(name)))
    }

    fn reference(&mut self, flags: Flags) -> Result<Value> {
        let index = match flags.0 >> 8 {
            0 => self.word()?,
            index => index,
        };
        let name = (index as usize).checked_sub(1).and_then(|i| self.symbols.get(i));
        let name = name.ok_or_else(|| damaged(format!("reference {index} points at nothing")))?;
        Ok(Value::plain(Data::Symbol(name.clone())))
    }

    fn string(&mut self, flags: Flags) -> Result<Option<Rc<str>>> {
        let length = self.int()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| damaged("a text has a negative length"))?;
        let bytes = self.take(length)?;
        let latin1 = || bytes.iter().map(|&b| char::from(b)).collect::<String>();
        Ok(Some(match std::str::from_utf8(bytes) {
            Ok(text) if !flags.is_latin1() => text.into(),
            _ => latin1().into(),
        }))
    }

    fn strings(&mut self) -> Result<Vec<Option<Rc<str>>>> {
        let length = self.length(8)?;
        let mut texts = Vec::with_capacity(length);
        for _ in 0..length {
            let flags = Flags(self.word()?);
            if flags.kind() != 9 {
                return Err(damaged("a text vector holds something else"));
            }
            texts.push(self.string(flags)?);
        }
        Ok(texts)
    }

    fn ints(&mut self) -> Result<Vec<i32>> {
        let length = self.length(4)?;
        Ok(self.take(4 * length)?.chunks_exact(4).map(|b| i32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    fn reals(&mut self) -> Result<Vec<f64>> {
        let length = self.length(8)?;
        let real = |b: &[u8]| f64::from_be_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
        // R's missing value is one of the NaNs; ours is the plain one.
        Ok(self.take(8 * length)?.chunks_exact(8).map(real).map(|x| if x.is_nan() { f64::NAN } else { x }).collect())
    }

    fn skip(&mut self, size: usize, what: &'static str) -> Result<Data> {
        let length = self.length(size)?;
        self.take(size * length)?;
        Ok(Data::Other(what))
    }

    /// R's alternative representations: class, state, attributes.
    fn compact(&mut self, depth: usize) -> Result<Value> {
        let class = self.item(depth + 1)?;
        let state = self.item(depth + 1)?;
        let attributes = self.attributes(depth)?;
        let Data::Pairs(class) = class.data else { return Err(damaged("a compact vector has no class")) };
        let Some((_, Value { data: Data::Symbol(name), .. })) = class.first() else { return Err(damaged("a compact vector has no class")) };
        let data = match (&**name, state.data) {
            ("compact_intseq" | "compact_realseq", Data::Real(state)) if state.len() == 3 => {
                Data::Sequence { length: state[0], first: state[1], step: state[2] }
            }
            (wrapper, Data::List(mut parts)) if wrapper.starts_with("wrap_") && !parts.is_empty() => parts.swap_remove(0).data,
            (wrapper, Data::Pairs(mut parts)) if wrapper.starts_with("wrap_") && !parts.is_empty() => parts.swap_remove(0).1.data,
            // Numbers that were to become text when asked for, such as row names.
            ("deferred_string", Data::Pairs(_)) => Data::Other("text made from numbers"),
            (other, _) => return Err(unsupported(&format!("a vector of the kind '{other}'"))),
        };
        Ok(Value { data, attributes })
    }
}

fn table(frame: &Value, bytes: usize) -> Result<Table> {
    let Data::List(columns) = &frame.data else { return Err(damaged("a data frame is no list")) };
    let names = frame.attribute("names").map_or(&[][..], Value::texts);
    if names.len() != columns.len() {
        return Err(damaged(format!("{} columns have {} names", columns.len(), names.len())));
    }
    let mut table = Table::new();
    for (name, column) in names.iter().zip(columns) {
        let name = name.as_deref().unwrap_or("NA");
        table.push(name, cells(column, bytes).map_err(|what| unsupported(&format!("column '{name}' of {what}")))?)?;
    }
    Ok(table)
}

/// The cells of a column, or what it is instead.
fn cells(column: &Value, bytes: usize) -> std::result::Result<Column, String> {
    if column.attribute("dim").is_some() {
        return Err("a matrix".to_owned());
    }
    Ok(match &column.data {
        Data::Integer(codes) if column.is("factor") => {
            Column::Text(labels(codes, column.attribute("levels").map_or(&[][..], Value::texts))?)
        }
        Data::Integer(values) if !values.contains(&MISSING) => Column::Integer(values.iter().map(|&x| i64::from(x)).collect()),
        Data::Logical(values) if !values.contains(&MISSING) => Column::Bool(values.iter().map(|&x| x != 0).collect()),
        Data::Integer(values) | Data::Logical(values) => {
            Column::Number(values.iter().map(|&x| if x == MISSING { f64::NAN } else { f64::from(x) }).collect())
        }
        Data::Real(values) => Column::Number(values.clone()),
        Data::Text(texts) => Column::Text(texts.iter().map(|t| t.as_deref().map(str::to_owned)).collect()),
        &Data::Sequence { length, first, step } => Column::Number(sequence(length, first, step, bytes)?),
        Data::Other(what) => return Err((*what).to_owned()),
        Data::Null | Data::Symbol(_) | Data::Pairs(_) | Data::String(_) | Data::List(_) => return Err("nested objects".to_owned()),
    })
}

fn labels(codes: &[i32], levels: &[Option<Rc<str>>]) -> std::result::Result<Vec<Option<String>>, String> {
    let label = |&code: &i32| match code {
        MISSING => Ok(None),
        _ => {
            let level = usize::try_from(code).ok().and_then(|c| c.checked_sub(1)).and_then(|c| levels.get(c));
            let level = level.ok_or_else(|| format!("a factor whose code {code} has no level"))?;
            Ok(level.as_deref().map(str::to_owned))
        }
    };
    codes.iter().map(label).collect()
}

/// A compact sequence written out, unless it claims more cells than the file has bytes.
fn sequence(length: f64, first: f64, step: f64, bytes: usize) -> std::result::Result<Vec<f64>, String> {
    if !(length >= 0.0 && length <= bytes as f64) {
        return Err(format!("a sequence of {length} cells"));
    }
    Ok((0..length as usize).map(|i| first + step * i as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Writes items as R does, for small files of known content.
    #[derive(Default)]
    struct Writer(Vec<u8>);

    impl Writer {
        fn words(mut self, words: &[i32]) -> Self {
            words.iter().for_each(|w| self.0.extend(w.to_be_bytes()));
            self
        }
        fn text(self, text: &str) -> Self {
            let mut writer = self.words(&[9 | 64 << 12, text.len() as i32]);
            writer.0.extend(text.as_bytes());
            writer
        }
        fn texts(self, texts: &[&str]) -> Self {
            texts.iter().fold(self.words(&[16, texts.len() as i32]), |w, t| w.text(t))
        }
        fn reals(self, values: &[f64]) -> Self {
            let mut writer = self.words(&[14, values.len() as i32]);
            values.iter().for_each(|v| writer.0.extend(v.to_be_bytes()));
            writer
        }
        fn symbol(self, name: &str) -> Self {
            self.words(&[1]).text(name)
        }
    }

    const OBJECT: i32 = 0x100;
    const ATTRIBUTES: i32 = 0x200;
    const TAG: i32 = 0x400;
    const END: i32 = 254;

    fn header() -> Writer {
        let mut writer = Writer::default();
        writer.0.extend(b"RDX2\nX\n");
        writer.words(&[2, 0x0003_0500, 0x0002_0300])
    }

    /// A frame of one integer column, one factor and one real column, with compact row names.
    fn frame() -> Vec<u8> {
        let factor = header()
            .words(&[2 | TAG])
            .symbol("claims")
            .words(&[19 | OBJECT | ATTRIBUTES, 3])
            .words(&[13, 3, 0, 2, MISSING])
            .words(&[13 | OBJECT | ATTRIBUTES, 3, 1, 2, MISSING])
            .words(&[2 | TAG])
            .symbol("levels")
            .texts(&["f", "m"])
            .words(&[2 | TAG])
            .symbol("class")
            .texts(&["factor"])
            .words(&[END]);
        // The symbol 'class' is the third of the file: the second use is a reference.
        let names = factor.reals(&[0.5, f64::NAN, -2.0]).words(&[2 | TAG]).symbol("names").texts(&["n", "gender", "age"]);
        let class = names.words(&[2 | TAG, 3 << 8 | 255]).texts(&["data.frame"]);
        class.words(&[2 | TAG]).symbol("row.names").words(&[13, 2, MISSING, -3, END, END]).0
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_frame_is_read_plain_and_compressed() {
        for bytes in [frame(), gzip(&frame())] {
            let tables = parse(&bytes).unwrap();
            assert_eq!(tables.len(), 1);
            let (name, table) = &tables[0];
            assert_eq!(name, "claims");
            assert_eq!(table.names(), ["n", "gender", "age"]);
            let Column::Number(n) = table.column("n").unwrap() else { panic!("missing integers are numbers") };
            assert!(n[0] == 0.0 && n[1] == 2.0 && n[2].is_nan());
            assert_eq!(table.column("gender").unwrap(), &Column::Text(vec![Some("f".into()), Some("m".into()), None]));
            let Column::Number(age) = table.column("age").unwrap() else { panic!("reals are numbers") };
            assert!(age[0] == 0.5 && age[1].is_nan() && age[2] == -2.0);
        }
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_an_error_or_a_table() {
        let bytes = frame();
        for end in 0..bytes.len() {
            assert!(parse(&bytes[..end]).is_err(), "cut at {end}");
        }
        for position in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xee, 0xff] {
                let mut changed = bytes.clone();
                changed[position] = value;
                // Either outcome is sound; what matters is that neither panics nor asks for memory that is not there.
                let _ = parse(&changed);
            }
        }
    }

    #[test]
    fn declared_sizes_are_checked_and_sequences_stay_short() {
        let huge = header().words(&[2 | TAG]).symbol("x").words(&[14, i32::MAX]).0;
        assert!(parse(&huge).unwrap_err().to_string().contains("2147483647 elements of 8 bytes are declared"));
        assert!(sequence(1e18, 1.0, 1.0, 1000).is_err());
        assert!(sequence(f64::NAN, 1.0, 1.0, 1000).is_err());
        assert_eq!(sequence(3.0, 5.0, -1.0, 1000).unwrap(), [5.0, 4.0, 3.0]);
    }

    #[test]
    fn what_cannot_be_used_says_so() {
        let message = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
        assert_eq!(message(b"a,b\n1,2\n"), "not a sound R data file: it does not begin with RDX2 or RDX3");
        assert!(message(b"BZh9xxxx").starts_with("the R data file is compressed with bzip2 or xz; save it again in R"));
        assert!(message(&gzip(&frame())[..60]).contains("damaged or cut short"));
        let function = header().words(&[2 | TAG]).symbol("f").words(&[3]).0;
        assert!(message(&function).starts_with("the R data file holds code or an environment; save only the data frame"));
        let vector = header().words(&[2 | TAG]).symbol("v").words(&[13, 1, 7, END]).0;
        assert_eq!(message(&vector), "the R data file holds no data frame; its objects are: v");
        let deep = (0..200).fold(header().words(&[2 | TAG]).symbol("l"), |w, _| w.words(&[19, 1])).0;
        assert!(message(&deep).contains("nested deeper than 64 levels") || message(&deep).contains("are declared"));
    }

    #[test]
    fn the_motor_portfolio_is_read() {
        let Some(folder) = std::env::var_os("ELINVAR_DATA") else { return };
        let Ok(bytes) = std::fs::read(std::path::Path::new(&folder).join("insurance/pg15training.rda")) else { return };
        let (name, table) = parse(&bytes).unwrap().remove(0);
        assert_eq!((name.as_str(), table.n_rows(), table.n_columns()), ("pg15training", 100_021, 20));
        assert_eq!(table.names()[0], "PolNum");
        assert!(table.numbers("Exppdays").unwrap().iter().all(|&d| (0.0..=366.0).contains(&d)));
    }
}
