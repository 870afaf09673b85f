"""PyTorch: a line is fitted to points, epoch by epoch."""

import torch

import flor

log = flor.log


@flor.track
def train(epochs, rate):
    torch.manual_seed(log.param(0))
    x = torch.linspace(-1, 1, 20).reshape(-1, 1)
    y = 3 * x + 1
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=log.param(rate))
    for epoch in range(log.param(epochs)):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        log.metric(loss.item())
    torch.save(model.state_dict(), log.write("line.pt"))
    return model


@flor.track
def check(model):
    slope = log.metric(model.weight.item())
    return slope


with flor.Context("line"):
    check(train(epochs=5, rate=0.5))
