"""What stands in a message or in a tool's output: texts, images, files, refusals."""

from typing import Final, cast

from tollway.dialects.meaning import Cache, Fault, Media, Refusal, Text
from tollway.dialects.members import Members

SOUNDS: Final = {"mp3": "audio/mpeg", "wav": "audio/wav"}
UNNAMED: Final = "unnamed"
"""OpenAI takes file data under a name only; this one stands where a dialect gave none."""

Content = Text | Media | Refusal


def read_contents(holder: Members, key: str) -> tuple[Content, ...]:
    """A message's `content` or a tool's `output`: a text, or a list of parts.

    Raises:
        Fault: a part of a kind that nothing here can hold.
    """
    value = holder.take(key)
    if isinstance(value, str):
        return (Text(value),)
    path = holder.at(key)
    if not isinstance(value, list):
        raise holder.fault(key, "must be a string or a list of content parts", value)
    parts: list[Content] = []
    for at, raw in enumerate(cast(list[object], value)):
        part = Members(raw, f"{path}[{at}]", holder.unread)
        parts.append(_read_content(part))
        part.end()
    return tuple(parts)


def _read_content(part: Members) -> Content:
    kind = part.needed("type")
    match kind:
        case "input_text" | "output_text" | "text":
            return _read_text(part)
        case "refusal":
            return Refusal(part.needed("refusal"))
        case "input_image":
            return _read_image(part)
        case "input_file":
            return _read_file(part)
        case "input_audio":
            return _read_sound(part)
        case _:
            raise Fault(
                part.at("type"),
                f'"{part.at("type")}" is "{kind}"; known: input_text, input_image, input_file, '
                "input_audio, output_text, refusal.",
            )


def _read_text(part: Members) -> Text:
    part.default("annotations", [])
    part.default("logprobs", [])
    return Text(part.needed("text"), cache=_read_cache(part))


def _read_image(part: Members) -> Media:
    media_type, data, url = split_url(part.text("image_url"))
    media = Media(
        "image",
        media_type,
        data=data,
        url=url,
        file_id=part.text("file_id"),
        detail=_read_detail(part),
        cache=_read_cache(part),
    )
    return _one_source(media, part, "image_url or file_id")


def _read_file(part: Members) -> Media:
    media_type, data, bare = split_url(part.text("file_data"))
    media = Media(
        "file",
        media_type,
        # File data may also be bare base64, which says nothing of its type.
        data=data if data is not None else bare,
        url=part.text("file_url"),
        file_id=part.text("file_id"),
        name=_read_name(part),
        detail=_read_detail(part),
        cache=_read_cache(part),
    )
    return _one_source(media, part, "file_data, file_url or file_id")


def _read_name(part: Members) -> str | None:
    name = part.text("filename")
    return None if name is not None and name.startswith(f"{UNNAMED}.") else name


def _read_sound(part: Members) -> Media:
    sound = part.members("input_audio")
    if sound is None:
        raise part.fault("input_audio", "must be an object with data and format", None)
    form = sound.needed("format")
    media = Media("audio", SOUNDS.get(form, f"audio/{form}"), data=sound.needed("data"))
    sound.end()
    return media


def _one_source(media: Media, part: Members, choice: str) -> Media:
    given = [source for source in (media.data, media.url, media.file_id) if source is not None]
    if len(given) != 1:
        raise Fault(part.path, f'"{part.path}" must have exactly one of {choice}.')
    return media


def _read_detail(part: Members) -> str | None:
    part.default("detail", "auto")
    return part.text("detail")


def _read_cache(part: Members) -> Cache | None:
    """OpenAI's breakpoints last 30 minutes or 12 hours, Anthropic's 5 minutes or an hour."""
    point = part.members("prompt_cache_breakpoint")
    if point is None:
        return None
    point.default("mode", "explicit")
    ttl = point.text("ttl")
    if ttl not in (None, "30m"):
        point.unread.append(point.at("ttl"))
    point.end()
    return Cache(None if ttl is None else "1h")


def split_url(url: str | None) -> tuple[str | None, str | None, str | None]:
    """The media type and base64 data of a data URL; or the URL, of which nothing else is known."""
    if url is None or not url.startswith("data:"):
        return None, None, url
    head, comma, data = url[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        return None, None, url
    return head.removesuffix(";base64").partition(";")[0] or None, data, None


def write_content(part: Text | Media, path: str) -> dict[str, object]:
    """A text, image or file of a user's message, or of a tool's output.

    Raises:
        Fault: a sound or film, of which Responses takes none; an image of no known type.
    """
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if part.kind == "image":
        return _write_image(part, path)
    if part.kind == "file":
        return _write_file(part)
    raise Fault(
        path,
        f"{path} is {part.kind}: the Responses API takes texts, images and files only. "
        "Leave it out, or route to a source that takes it.",
    )


def _write_image(part: Media, path: str) -> dict[str, object]:
    said: dict[str, object] = {"type": "input_image", "detail": part.detail or "auto"}
    if part.file_id is not None:
        said["file_id"] = part.file_id
    elif part.url is not None:
        said["image_url"] = part.url
    elif part.media_type is None:
        raise Fault(path, f"{path} is image data of no known type: name its media type.")
    else:
        said["image_url"] = f"data:{part.media_type};base64,{part.data}"
    return said


def _write_file(part: Media) -> dict[str, object]:
    said: dict[str, object] = {"type": "input_file"}
    if part.detail is not None:
        said["detail"] = part.detail
    if part.file_id is not None:
        said["file_id"] = part.file_id
    elif part.url is not None:
        said["file_url"] = part.url
    elif part.media_type is None:
        said["file_data"] = part.data
    else:
        said["file_data"] = f"data:{part.media_type};base64,{part.data}"
    if part.name is not None:
        said["filename"] = part.name
    elif part.data is not None:
        said["filename"] = f"{UNNAMED}.{(part.media_type or 'x/bin').partition('/')[2]}"
    return said
