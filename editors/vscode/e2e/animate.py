"""The pictures of `record.mjs` as one animated GIF, ../media/walk-through.gif. Needs Pillow."""

from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
COLOURS = 96

paths = sorted((HERE / "artifacts" / "frames").glob("*.png"))
pictures = [Image.open(path).convert("RGB") for path in paths]
all_of_them = Image.new("RGB", (pictures[0].width, sum(picture.height for picture in pictures)))
for number, picture in enumerate(pictures):
    all_of_them.paste(picture, (0, number * picture.height))
palette = all_of_them.quantize(COLOURS)
frames = [picture.quantize(COLOURS, palette=palette, dither=Image.Dither.NONE) for picture in pictures]
first, *others = frames
milliseconds = [int(path.stem.partition("-")[2]) for path in paths]
target = HERE.parent / "media" / "walk-through.gif"
first.save(target, save_all=True, append_images=others, duration=milliseconds, loop=0, optimize=True)
print(f"{target}: {target.stat().st_size / 1000:.0f} kB, {sum(milliseconds) / 1000:.1f} s")
