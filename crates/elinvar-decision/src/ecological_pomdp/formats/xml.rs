//! A small reader of XML elements, enough for the formats of the field. No entities beyond the five of the standard, no DTD.

use super::at_line;
use elinvar_core::Result;

/// Deepest nesting.
const MAX_DEPTH: usize = 64;
/// Largest number of elements.
const MAX_ELEMENTS: usize = 20_000_000;

/// One element with its text (of all its parts together) and children.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
    pub(super) line: usize,
}

impl Element {
    /// The first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    /// The first child of that name.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn need(&self, name: &str) -> Result<&Element> {
        self.child(name).ok_or_else(|| at_line(self.line, format!("<{}> must hold <{name}>", self.name)))
    }

    /// All children of that name.
    pub(super) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter(move |c| c.name == name)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The attribute as a number.
    ///
    /// # Errors
    /// When it is absent or no whole number.
    pub(super) fn index(&self, name: &str) -> Result<usize> {
        let value = self.attribute(name).and_then(|v| v.trim().parse().ok());
        value.ok_or_else(|| at_line(self.line, format!("<{}> must have a whole number as '{name}'", self.name)))
    }

    /// Numbers of the text.
    ///
    /// # Errors
    /// When a word is no number.
    pub(super) fn numbers(&self) -> Result<Vec<f64>> {
        let parse = |word: &str| word.parse().map_err(|_| at_line(self.line, format!("<{}> must hold numbers, got '{word}'", self.name)));
        self.text.split_whitespace().map(parse).collect()
    }
}

/// Reads a document and returns its root element.
///
/// # Errors
/// Text that is not well formed, nesting deeper than 64, a DTD with declarations, unknown entities; each with its line.
pub(super) fn read(text: &str) -> Result<Element> {
    let mut reader = Reader { text, position: 0, elements: 0, counted: (0, 1) };
    let mut open: Vec<Element> = vec![Element::default()];
    while let Some(piece) = reader.next_piece()? {
        match piece {
            Piece::Text(text) => push_text(&mut open, &text),
            Piece::Open(element, closed) => {
                open.push(element);
                if open.len() > MAX_DEPTH {
                    return Err(at_line(reader.line(), format!("elements must be nested at most {MAX_DEPTH} deep")));
                }
                if closed {
                    close(&mut open);
                }
            }
            Piece::Close(name) => {
                let expected = open.last().map_or("", |e| e.name.as_str());
                if open.len() < 2 || expected != name {
                    return Err(at_line(reader.line(), format!("</{name}> closes <{expected}>")));
                }
                close(&mut open);
            }
        }
    }
    let mut document = match <[Element; 1]>::try_from(open) {
        Ok([document]) => document,
        Err(open) => {
            let last = open.last().map_or((1, ""), |e| (e.line, e.name.as_str()));
            return Err(at_line(last.0, format!("<{}> is never closed", last.1)));
        }
    };
    if document.children.len() != 1 {
        return Err(at_line(1, format!("there must be one root element, got {}", document.children.len())));
    }
    Ok(document.children.remove(0))
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// Moves the innermost open element into its parent.
fn close(open: &mut Vec<Element>) {
    if let (Some(element), Some(parent)) = (open.pop(), open.last_mut()) {
        parent.children.push(element);
    }
}

enum Piece {
    Text(String),
    /// An element and whether it closes itself.
    Open(Element, bool),
    Close(String),
}

struct Reader<'t> {
    text: &'t str,
    position: usize,
    elements: usize,
    /// A position and its line, from which the next count of lines starts.
    counted: (usize, usize),
}

impl<'t> Reader<'t> {
    fn line(&self) -> usize {
        self.counted.1 + self.text.as_bytes()[self.counted.0..self.position].iter().filter(|b| **b == b'\n').count()
    }

    fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    /// The text up to `end`, which is passed over.
    fn until(&mut self, end: &str, what: &str) -> Result<&'t str> {
        let rest = self.rest();
        let length = rest.find(end).ok_or_else(|| at_line(self.line(), format!("{what} is never closed")))?;
        self.position += length + end.len();
        Ok(&rest[..length])
    }

    fn next_piece(&mut self) -> Result<Option<Piece>> {
        loop {
            let rest = self.rest();
            if rest.is_empty() {
                return Ok(None);
            }
            if let Some(body) = rest.strip_prefix("<![CDATA[") {
                self.position += rest.len() - body.len();
                return Ok(Some(Piece::Text(self.until("]]>", "CDATA")?.to_owned())));
            }
            if rest.starts_with("<!--") {
                self.until("-->", "a comment")?;
            } else if rest.starts_with("<?") {
                self.until("?>", "an instruction")?;
            } else if rest.starts_with("<!") {
                if self.until(">", "a declaration")?.contains('[') {
                    return Err(at_line(self.line(), "document type declarations are not supported"));
                }
            } else if rest.starts_with("</") {
                self.position += 2;
                return Ok(Some(Piece::Close(self.until(">", "a closing tag")?.trim().to_owned())));
            } else if rest.starts_with('<') {
                return self.open().map(Some);
            } else {
                let length = rest.find('<').unwrap_or(rest.len());
                let text = unescape(&rest[..length], self.line())?;
                self.position += length;
                return Ok(Some(Piece::Text(text)));
            }
        }
    }

    fn open(&mut self) -> Result<Piece> {
        self.elements += 1;
        let line = self.line();
        self.counted = (self.position, line);
        if self.elements > MAX_ELEMENTS {
            return Err(at_line(self.line(), format!("there must be at most {MAX_ELEMENTS} elements")));
        }
        self.position += 1;
        let tag = self.until(">", "a tag")?;
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |t| (t, true));
        let name_end = tag.find(char::is_whitespace).unwrap_or(tag.len());
        let attributes = attributes(&tag[name_end..], line)?;
        Ok(Piece::Open(Element { name: tag[..name_end].to_owned(), attributes, children: Vec::new(), text: String::new(), line }, closed))
    }
}

/// `name="value"` pairs.
fn attributes(text: &str, line: usize) -> Result<Vec<(String, String)>> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let wrong = || at_line(line, format!("expected name=\"value\", got '{}'", rest.chars().take(40).collect::<String>()));
        let (name, after) = rest.split_once('=').ok_or_else(wrong)?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| *c == '"' || *c == '\'').ok_or_else(wrong)?;
        let (value, after) = after[1..].split_once(quote).ok_or_else(wrong)?;
        out.push((name.trim().to_owned(), unescape(value, line)?));
        rest = after.trim_start();
    }
    Ok(out)
}

/// Replaces the five entities of the standard and numeric ones.
fn unescape(text: &str, line: usize) -> Result<String> {
    if !text.contains('&') {
        return Ok(text.to_owned());
    }
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let (entity, rest) = part.split_once(';').ok_or_else(|| at_line(line, "'&' must begin an entity that ends with ';'"))?;
        out.push(entity_character(entity).ok_or_else(|| at_line(line, format!("unknown entity '&{entity};'")))?);
        out.push_str(rest);
    }
    Ok(out)
}

fn entity_character(entity: &str) -> Option<char> {
    match entity {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// The text with the characters that XML reserves replaced.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
