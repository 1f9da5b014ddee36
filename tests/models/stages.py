"""What the tests of the networks share: the shapes between the layers, and networks of zeros."""

import minitorch_cv as mt
from minitorch_cv import creation, nn


def stage_shapes(net, *shape):
    """{name of a module: shape of its output} for one batch of zeros of this shape, in the order of the outputs."""
    shapes = {}
    for name, module in net.named_modules():
        module.register_forward_hook(lambda module, args, output, name=name: shapes.update({name: tuple(output.shape)}))
    with mt.no_grad():
        net(mt.zeros(*shape))
    return shapes


def parameter_count(net):
    """How many numbers the network learns."""
    return sum(parameter.numel() for parameter in net.parameters())


def undrawn(monkeypatch):
    """Let layers begin with zeros: to draw a hundred million weights takes seconds, where only their number counts."""
    for module in (nn.conv, nn.linear):
        monkeypatch.setattr(module, "empty", creation.zeros)
    for name in ("uniform_", "normal_"):
        monkeypatch.setattr(nn.init, name, lambda tensor, *args, **kwargs: tensor)


def three_pictures(size, contrast):
    """Horizontal stripes, vertical stripes and a chequerboard: (3, 1, size, size), and a class for each."""
    stripe = mt.arange(size) // 4 % 2
    across, down = stripe.reshape(size, 1), stripe.reshape(1, size)
    flat = mt.zeros(size, size)
    pictures = mt.stack([across + flat, down + flat, (across + down + flat) % 2])
    return contrast * pictures.unsqueeze(1), mt.tensor([2, 0, 1])


def losses_of(net, images, labels, steps, lr, momentum):
    """The loss at each of so many steps of SGD on one batch."""
    optimizer = mt.optim.SGD(net.parameters(), lr=lr, momentum=momentum)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def following_the_batch(net):
    """The network with batch norms that hardly remember what was before the last batch, as few steps are taken."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.9
    return net


def learns_by_heart(net, images, labels, steps, lr, momentum=0.0):
    """Whether `steps` of SGD on one batch end in a network that tells its images apart."""
    optimizer = mt.optim.SGD(net.parameters(), lr=lr, momentum=momentum)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    net.eval()
    with mt.no_grad():
        return net(images).argmax(1).tolist() == labels.tolist()
