//! A page of HTML in the making. Whatever comes from outside goes through [`Page::text`] or
//! [`Page::prose`], and can then be nothing but text.

/// The page so far.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// Markup, which only the report itself writes.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(c),
                c if is_unseen(c) => {
                    self.0.push_str("<span class=\"unseen\">U+");
                    self.0.push_str(&format!("{:04X}", u32::from(c)));
                    self.0.push_str("</span>");
                }
                c => self.0.push(c),
            }
        }
        self
    }

    /// A sentence, in which words between backticks are names.
    pub(super) fn prose(&mut self, text: &str) -> &mut Self {
        for (at, part) in text.split('`').enumerate() {
            if at % 2 == 1 {
                self.raw("<code>").text(part).raw("</code>");
            } else {
                self.text(part);
            }
        }
        self
    }

    /// A paragraph.
    pub(super) fn paragraph(&mut self, text: &str) -> &mut Self {
        self.raw("<p>").prose(text).raw("</p>\n")
    }

    /// A list of sentences.
    pub(super) fn list<T: AsRef<str>>(&mut self, items: impl IntoIterator<Item = T>) -> &mut Self {
        self.raw("<ul>\n");
        for item in items {
            self.raw("<li>").prose(item.as_ref()).raw("</li>\n");
        }
        self.raw("</ul>\n")
    }

    /// A row of a table of two columns.
    pub(super) fn row(&mut self, head: &str, text: &str) -> &mut Self {
        self.raw("<tr><th scope=\"row\">")
            .text(head)
            .raw("</th><td>")
            .prose(text)
            .raw("</td></tr>\n")
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// What nobody sees, or what makes other text look otherwise: controls, and marks that turn the
/// direction of writing.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(given: &str) -> String {
        let mut page = Page::default();
        page.text(given);
        page.finish()
    }

    #[test]
    fn text_is_nothing_but_text() {
        assert_eq!(
            text("<script>alert(\"1\" & '2')</script>"),
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;"
        );
        assert_eq!(text("é – 漢"), "é – 漢");
    }

    #[test]
    fn what_nobody_sees_is_shown() {
        for (given, code) in [
            ('\u{202e}', "202E"),
            ('\u{200b}', "200B"),
            ('\u{7}', "0007"),
        ] {
            let shown = text(&format!("a{given}b"));
            assert_eq!(shown, format!("a<span class=\"unseen\">U+{code}</span>b"));
        }
    }

    #[test]
    fn names_stand_between_backticks() {
        let mut page = Page::default();
        page.prose("the rule `a<b>` and `c");
        assert_eq!(
            page.finish(),
            "the rule <code>a&lt;b&gt;</code> and <code>c</code>"
        );
    }
}
