//! Thumbnails of a folder of images, with a progress bar that knows when it will be over.
//!
//! `thumbnails FOLDER [COUNT]` first fills an empty folder with COUNT images of its own, of which
//! one in ten is broken. A broken file is an error of its own and stops nothing. Ctrl-C lets the
//! images that are being read finish, and leaves the others; a second Ctrl-C ends those too. A
//! thumbnail appears under its name when it is complete.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use image::{ImageReader, Rgb, RgbImage};
use indicatif::{ProgressBar, ProgressIterator, ProgressStyle};
use procpool::{ProcessPoolExecutor, ShutdownOptions};
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

fn paint((path, number): (PathBuf, u32)) -> Result<(), String> {
    let color = |x: u32, y: u32| Rgb([x, y, number].map(|part| (part % 256) as u8));
    let image = RgbImage::from_fn(320, 240, |x, y| color(x * number, y + number));
    image.save(&path).map_err(|error| error.to_string())?;
    if number % 10 == 9 {
        let bytes = fs::read(&path).map_err(|error| error.to_string())?;
        fs::write(&path, &bytes[..bytes.len() / 2]).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn thumbnail(path: PathBuf) -> Result<(), String> {
    let make = || -> Result<(), Box<dyn Error>> {
        let image = ImageReader::open(&path)?.decode()?;
        let folder = path.with_file_name("thumbnails");
        let part = folder.join(path.file_name().unwrap_or_default()).with_extension("part");
        image.thumbnail(64, 64).save_with_format(&part, image::ImageFormat::Png)?;
        Ok(fs::rename(&part, part.with_extension("png"))?)
    };
    make().map_err(|error| error.to_string())
}

fn images(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
    paths.sort();
    Ok(paths)
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: thumbnails FOLDER [COUNT]")?);
    let count: u32 = arguments.next().map_or(Ok(100), |text| text.parse())?;
    fs::create_dir_all(folder.join("thumbnails"))?;
    let mut signals = Signals::new([SIGINT])?;
    // The terminal sends Ctrl-C to the workers, too. They go on: the program decides.
    let executor = ProcessPoolExecutor::builder().build()?;
    if images(&folder)?.is_empty() {
        let paths = (0..count).map(|number| (folder.join(format!("{number:04}.png")), number));
        for painted in executor.map(paint, paths) {
            painted??;
        }
    }
    let style = "{bar:40} {pos}/{len}, {elapsed} so far, {eta} to go";
    let paths = images(&folder)?;
    let bar = ProgressBar::new(paths.len() as u64).with_style(ProgressStyle::with_template(style)?);
    let (mut done, mut left) = (0, 0);
    let handle = signals.handle();
    thread::scope(|scope| {
        scope.spawn(|| {
            // The map ends by itself: tasks that have not started are cancelled.
            if signals.forever().next().is_some() {
                executor.shutdown_with(ShutdownOptions::new().wait(false).cancel_futures(true));
                bar.suspend(|| println!("waiting for the images that are being read"));
            }
            if signals.forever().next().is_some() {
                executor.kill_workers();
            }
        });
        let thumbnails = executor.map_options().chunksize(1).map(thumbnail, paths.clone());
        for (path, made) in paths.iter().zip(thumbnails.progress_with(bar.clone())) {
            match made {
                Ok(Ok(())) => done += 1,
                Ok(Err(error)) => bar.suspend(|| println!("{}: {error}", path.display())),
                Err(_) => left += 1,
            }
        }
        handle.close();
    });
    println!("{done} of {} images have a thumbnail, {left} were left out", paths.len());
    executor.shutdown();
    Ok(())
}
