//! Commands in documentation, so that a test can run what a reader would type.

/// The blocks fenced as `language`, in order, each with the line at which it begins.
pub fn blocks(text: &str, language: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String, bool)> = None;
    for (line, content) in (1..).zip(text.lines()) {
        let fence = content.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(info)) => {
                let wanted = info.split_whitespace().next() == Some(language);
                open = Some((line + 1, String::new(), wanted));
            }
            (Some(_), Some(_)) => {
                if let Some((at, block, true)) = open.take() {
                    blocks.push((at, block));
                }
            }
            (Some((_, block, _)), None) => {
                block.push_str(content);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fenced block does not end");
    blocks
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn only_blocks_of_the_language_are_found() {
        let text = "a\n```sh\nmake demo\nmake test\n```\n```json\n{}\n```\n```\nplain\n```\n```sh\nls\n```\n";
        let found = blocks(text, "sh");
        assert_eq!(
            found,
            [
                (3, "make demo\nmake test\n".to_owned()),
                (13, "ls\n".to_owned())
            ]
        );
    }
}
