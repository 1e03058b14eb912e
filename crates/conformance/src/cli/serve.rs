//! `conformance serve`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use crate::serve::Server;

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The file of results
    #[arg(default_value = "conformance/results.json")]
    results: PathBuf,
    /// The port; 0 is any free one
    #[arg(long, value_name = "NUMBER", default_value_t = 7878)]
    port: u16,
    /// The address of this machine; 0.0.0.0 shows the page to others
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// Where the book is, as a folder or an address; links lead there
    #[arg(long, value_name = "BASE")]
    book: Option<String>,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), String> {
        let file = self.results.display();
        if !self.results.exists() {
            return Err(format!("there is no {file}; a whole `conformance run` writes it"));
        }
        let address = SocketAddr::new(self.bind, self.port);
        let server = Server::open(&self.results, self.book.as_deref(), address)?;
        super::print(&format!("{file} is at http://{}/ until Ctrl-C\n", server.address()))?;
        server.run()
    }
}
