//! The page that shows an API, and calls it: one file, which needs nothing else.

use std::sync::Arc;

use super::files::{Body, Found};

/// Where it is, beside the path of the wire where there are no files.
pub(super) const PATH: &str = "/inspect";

/// Its style, its elements, the client for browsers, and the code that uses it, in which the
/// names of the client may be used again.
const PAGE: [&str; 5] = [
    include_str!("../../../web/inspect.html"),
    "<script type=\"module\">\n",
    include_str!("../../../web/quickrpc.js"),
    include_str!("../../../web/inspect.js"),
    "</script>\n",
];

/// Stands in the page for the path of the wire.
const WIRE: &str = "{{wire}}";

/// It makes calls when somebody clicks: so nobody may lay it below a page of their own, and it
/// speaks to nobody but the server that it is from.
pub(super) const HEADERS: [(&str, &str); 3] = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
];

/// The page of one server.
#[derive(Debug, Clone)]
pub(super) struct Page(Arc<[u8]>);

impl Page {
    /// The one that speaks to the wire at this path.
    pub(super) fn new(path: &str) -> Self {
        // All else that would end the text of an attribute is in no path.
        let path = path.replace('&', "&amp;");
        Page(PAGE.concat().replacen(WIRE, &path, 1).into_bytes().into())
    }

    pub(super) fn found(&self) -> Found {
        Found {
            content_type: "text/html; charset=utf-8",
            length: self.0.len() as u64,
            body: Body::Text(self.0.to_vec().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_whole() {
        let page = Page::new("/rpc?a&b");
        let page = String::from_utf8(page.0.to_vec()).unwrap();
        assert!(page.contains("content=\"/rpc?a&amp;b\""), "{page}");
        assert!(!page.contains(WIRE));
        // The end of the script is that of the page.
        assert_eq!(page.matches("</script").count(), 1);
        assert!(page.ends_with("</script>\n"));
        for outside in ["src=\"", "href=\"http", "@import", "url(http"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
