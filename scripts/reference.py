"""Write the reference of the public modules as HTML, from their docstrings.

python scripts/reference.py FOLDER
"""

import importlib
import inspect
import re
import shutil
import sys
import textwrap
import types
import typing
import warnings
from pathlib import Path

import attrs
import pdoc
import pdoc.render
from jinja2 import pass_context
from jinja2.runtime import Context
from pdoc.doc_ast import walk_tree
from pdoc.render_helpers import to_markdown_with_context

import vox_calls
from check_package import PUBLIC
from vox_calls_raw import models as raw

_EXAMPLE = re.compile(r"^Example:\n((?:    .*\n?|\n)+)", re.MULTILINE)


@pass_context
def to_markdown(context: Context, docstring: str) -> str:
    """The docstring as pdoc has it, its examples as code, which Google's style leaves to the reader."""
    examples_told = _EXAMPLE.sub(
        lambda found: f"\n**Example:**\n\n```python\n{textwrap.dedent(found[1]).rstrip()}\n```\n", docstring
    )
    return to_markdown_with_context(context, examples_told)


def introduce_neighbours() -> None:
    """Give the modules of the generated classes each other's names, which they import for the type checker alone."""
    classes = {name: getattr(raw, name) for name in raw.__all__}
    for cls in (vox_calls.Call, *classes.values()):
        names = vars(sys.modules[cls.__module__])
        names.update({name: neighbour for name, neighbour in classes.items() if name not in names})


def adopt(cls: type) -> None:
    """Make what a class has from a private base its own, with the types that it has there in place of variables."""
    for base in cls.__mro__[1:]:
        if not base.__name__.startswith("_"):
            continue
        generic = next((one for one in vars(cls).get("__orig_bases__", ()) if typing.get_origin(one) is base), base)
        kinds = zip(getattr(base, "__parameters__", ()), typing.get_args(generic), strict=True)
        named = {variable.__name__: f"{kind.__module__}.{kind.__qualname__}" for variable, kind in kinds}
        for name, member in vars(base).items():
            if name not in vars(cls) and (name == "__init__" or not name.startswith("_")):
                setattr(cls, name, typed(member, named) if inspect.isfunction(member) else member)


def typed(function: types.FunctionType, named: dict[str, str]) -> types.FunctionType:
    """A copy of a function whose annotations have these names in place of type variables."""
    twin = types.FunctionType(function.__code__, {**function.__globals__, "vox_calls": vox_calls}, function.__name__)
    twin.__defaults__, twin.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    twin.__doc__, twin.__module__ = function.__doc__, function.__module__
    for name, annotation in function.__annotations__.items():
        twin.__annotations__[name] = re.sub(r"\w+", lambda found: named.get(found[0], found[0]), annotation)
    return twin


def constants(module: types.ModuleType) -> dict[str, str]:
    """What is said of a module's constants where they are made, which pdoc looks for in the module itself alone."""
    inner = [one for name, one in sys.modules.items() if name.startswith(f"{module.__name__}.")]
    return {
        name: words
        for one in inner
        for name, words in walk_tree(one).var_docstrings.items()
        if name in module.__all__ and getattr(one, name) is getattr(module, name)
    }


def public_module(name: str) -> types.ModuleType:
    """A public module, with each of its names imported, which is done when one is first used."""
    module = importlib.import_module(name)
    for public in module.__all__:
        getattr(module, public)
    return module


def settle(module: types.ModuleType) -> None:
    """Make a module and its classes look like what their users see of them."""
    walk_tree(module).var_docstrings.update(constants(module))
    for cls in vars(module).values():
        if isinstance(cls, type) and cls.__module__.startswith("vox_calls"):
            adopt(cls)
            if attrs.has(cls):
                cls.__init__.__doc__ = None  # attrs says that it has written it
    for made_by_a_client in (vox_calls.Calls, vox_calls.AsyncCalls):
        made_by_a_client.__init__.__doc__ = "@private"


def main() -> int:
    """Write the reference; a warning of pdoc's is a failure."""
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    introduce_neighbours()
    for module in (*map(public_module, PUBLIC), raw):
        settle(module)
    fields = (raw.Call.__doc__ or "").partition("Attributes:")
    vox_calls.Call.__doc__ = "\n\n    ".join([inspect.cleandoc(vox_calls.Call.__doc__ or ""), "".join(fields[1:])])
    pdoc.render.configure(docformat="google", show_source=False, footer_text=f"vox-calls {vox_calls.__version__}")
    pdoc.render.env.filters["to_markdown"] = to_markdown
    with warnings.catch_warnings(action="error"):
        pdoc.pdoc(*PUBLIC, raw.__name__, output_directory=folder)
    print(f"the reference begins at {folder / 'vox_calls.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
