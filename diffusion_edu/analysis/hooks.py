"""Read what modules of a network take and return, with hooks that exist only while a block runs.

The hooks act in the thread that opened the block, because several people may share one network. Without an open block
nothing is slower.
"""

from contextlib import contextmanager
from threading import get_ident


@contextmanager
def hooked(modules, before=lambda name, inputs: None, after=lambda name, inputs, output: None):
    """Call before and after whenever this thread runs one of the modules {name: module}.

    What they return, unless None, replaces the inputs (a tuple) or the output.
    """
    thread, handles = get_ident(), []
    try:
        for name, module in modules.items():
            handles.append(
                module.register_forward_pre_hook(
                    lambda _, inputs, name=name: before(name, inputs) if get_ident() == thread else None
                )
            )
            handles.append(
                module.register_forward_hook(
                    lambda _, inputs, output, name=name: after(name, inputs, output) if get_ident() == thread else None
                )
            )
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def record_outputs(net, names):
    """Record the outputs of the modules of these names while the block runs: {name: [output of every forward pass]}."""
    outputs = {name: [] for name in names}
    with hooked(
        {name: net.get_submodule(name) for name in names}, after=lambda name, _, output: outputs[name].append(output)
    ):
        yield outputs


def record_each(items, recorder):
    """Yield (item, what recorder() recorded while the item was computed); recorder() is a context manager."""
    while True:
        with recorder() as recorded:
            item = next(items, None)
        if item is None:
            return
        yield item, recorded
