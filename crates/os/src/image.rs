//! The main executable: its load address, its code's addresses, its file.
//!
//! Owns one measurement, made at first use and constant for the life of the process.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::sync::OnceLock;

use nix::libc;
use nix::sys::stat::stat;
use nix::unistd::Pid;

/// The main executable as the loader placed it.
#[derive(Debug, Default)]
pub struct Image {
    /// The difference between an address in memory and the address in the file.
    base: usize,
    /// The executable segments.
    code: Vec<Range<usize>>,
    /// Whether the file names a dynamic loader.
    names_loader: bool,
}

/// Which file the running executable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageIdentity {
    /// The number of the file system.
    pub device: u64,
    /// The number of the file in it.
    pub inode: u64,
}

impl Image {
    /// Returns the main executable of this process.
    pub fn main() -> &'static Image {
        static MAIN: OnceLock<Image> = OnceLock::new();
        MAIN.get_or_init(|| {
            let mut image = Image::default();
            let data = (&raw mut image).cast::<c_void>();
            // SAFETY: `record_main` has the signature that dl_iterate_phdr(3) asks for and takes
            // `data` for the `Image` it is; `image` outlives the call, which is synchronous.
            unsafe { libc::dl_iterate_phdr(Some(record_main), data) };
            image
        })
    }

    /// Returns whether the dynamic loader was started with this program as its argument. Then
    /// /proc/self/exe is the loader, which itself has no loader.
    pub fn is_run_by_loader(&self) -> bool {
        // SAFETY: getauxval(3) takes an integer and reads what the kernel wrote for this process.
        self.names_loader && unsafe { libc::getauxval(libc::AT_BASE) } == 0
    }

    /// Returns the offset of `address` if it is code of this image.
    pub fn offset_of(&self, address: usize) -> Option<i64> {
        self.contains(address).then(|| address.wrapping_sub(self.base) as i64)
    }

    /// Returns the address at `offset` if it is code of this image.
    pub fn address_at(&self, offset: i64) -> Option<usize> {
        let address = self.base.wrapping_add(offset as usize);
        self.contains(address).then_some(address)
    }

    fn contains(&self, address: usize) -> bool {
        self.code.iter().any(|segment| segment.contains(&address))
    }
}

/// Records the first object, which is the main program (dl_iterate_phdr(3)), and stops.
unsafe extern "C" fn record_main(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    data: *mut c_void,
) -> c_int {
    // SAFETY: the loader passes a valid `dl_phdr_info` for the duration of this call.
    let info = unsafe { &*info };
    // SAFETY: `data` is the `Image` that `Image::main` passed, borrowed by nobody else during this call.
    let image = unsafe { &mut *data.cast::<Image>() };
    if info.dlpi_phnum > 0 && !info.dlpi_phdr.is_null() {
        // SAFETY: `dlpi_phdr` points to `dlpi_phnum` program headers, which stay mapped as long as
        // the object does; the main program is never unmapped.
        let headers =
            unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        image.base = info.dlpi_addr as usize;
        image.names_loader = headers.iter().any(|header| header.p_type == libc::PT_INTERP);
        image.code = headers
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0)
            .map(|header| {
                let start = image.base.wrapping_add(header.p_vaddr as usize);
                start..start.wrapping_add(header.p_memsz as usize)
            })
            .collect();
    }
    1
}

impl ImageIdentity {
    /// Returns the identity of process `pid`'s executable; `None` if /proc cannot tell.
    pub fn of(pid: Pid) -> Option<Self> {
        let stat = stat(format!("/proc/{pid}/exe").as_str()).ok()?;
        Some(Self { device: stat.st_dev, inode: stat.st_ino })
    }

    /// Returns the identity of this process's executable; zeros if /proc cannot tell.
    pub fn current() -> Self {
        static CURRENT: OnceLock<ImageIdentity> = OnceLock::new();
        *CURRENT.get_or_init(|| match stat("/proc/self/exe") {
            Ok(stat) => Self { device: stat.st_dev, inode: stat.st_ino },
            Err(_) => Self { device: 0, inode: 0 },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_survives_the_round_trip_through_its_offset() {
        let address = a_function_survives_the_round_trip_through_its_offset as *const () as usize;
        let offset = Image::main().offset_of(address).expect("a test is code of the test program");
        assert_eq!(Image::main().address_at(offset), Some(address));
    }

    #[test]
    fn data_and_other_libraries_are_not_code_of_the_program() {
        let on_the_stack = 0_u8;
        assert_eq!(Image::main().offset_of(&raw const on_the_stack as usize), None);
        assert_eq!(Image::main().offset_of(libc::getpid as *const () as usize), None);
        assert_eq!(Image::main().address_at(i64::MAX), None);
        assert_eq!(Image::main().address_at(-1), None);
    }
}
