//! A page: the Markdown in `book/src`, before includes are resolved.
//!
//! Owns the contents of a page: its directives and its code blocks, with their lines. Parsed like mdBook.
//! Knows no rule.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mdbook_markdown::pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

use crate::include::{self, Include, IncludeError};

/// One page.
#[derive(Debug)]
pub struct Page {
    /// Its file.
    pub path: PathBuf,
    text: String,
}

/// A code block of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeBlock {
    /// The line it begins in, counted from 1.
    pub line: usize,
    /// The first word after the fence; empty if there is none or the block is indented.
    pub language: String,
    /// Its text, without the fences.
    pub content: String,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), text: fs::read_to_string(path)? })
    }

    /// Returns the folder to which its includes are relative.
    pub fn folder(&self) -> &Path {
        self.path.parent().expect("a page is a file in a folder")
    }

    /// Returns its directives, including invalid ones.
    pub fn includes(&self) -> Vec<Result<Include, (usize, IncludeError)>> {
        include::find(&self.text)
    }

    /// Returns its paragraphs, titles and cells as plain text, each with the line it begins in. Code is left out.
    pub fn paragraphs(&self) -> Vec<(usize, String)> {
        let mut paragraphs: Vec<(usize, String)> = Vec::new();
        let mut is_code = false;
        let mut begins = true;
        let parser = new_cmark_parser(&self.text, &MarkdownOptions::default());
        for (event, range) in parser.into_offset_iter() {
            let text = match &event {
                Event::Text(text) if !is_code => text,
                Event::SoftBreak | Event::HardBreak => " ",
                // Words on both sides of it are not neighbours.
                Event::Code(_) => "`",
                Event::Start(Tag::CodeBlock(_)) | Event::End(TagEnd::CodeBlock) => {
                    is_code = matches!(event, Event::Start(_));
                    continue;
                }
                Event::Start(Tag::Emphasis | Tag::Strong | Tag::Link { .. })
                | Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Link) => continue,
                _ => {
                    begins = true;
                    continue;
                }
            };
            if std::mem::take(&mut begins) {
                let line = 1 + self.text[..range.start].matches('\n').count();
                paragraphs.push((line, String::new()));
            }
            if let Some((_, paragraph)) = paragraphs.last_mut() {
                paragraph.push_str(text);
            }
        }
        paragraphs
    }

    /// Returns its code blocks, including indented ones.
    pub fn code_blocks(&self) -> Vec<CodeBlock> {
        let mut blocks = Vec::new();
        let mut current: Option<CodeBlock> = None;
        let parser = new_cmark_parser(&self.text, &MarkdownOptions::default());
        for (event, range) in parser.into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let line = 1 + self.text[..range.start].matches('\n').count();
                    let language = match &kind {
                        CodeBlockKind::Indented => "",
                        CodeBlockKind::Fenced(info) => {
                            info.split([',', ' ']).next().unwrap_or_default()
                        }
                    };
                    let language = language.to_owned();
                    current = Some(CodeBlock { line, language, content: String::new() });
                }
                Event::Text(text) => {
                    if let Some(block) = &mut current {
                        block.content.push_str(&text);
                    }
                }
                Event::End(TagEnd::CodeBlock) => blocks.extend(current.take()),
                _ => {}
            }
        }
        blocks
    }
}
