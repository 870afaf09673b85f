try:
    import torch
    from torch import nn
except ImportError:
    raise SystemExit(77)

torch.manual_seed(0)
torch.set_num_threads(1)

class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Linear(3, width)
        self.last = nn.Linear(width, 1)

    def forward(self, x):
        hidden = torch.relu(self.first(x))
        return self.last(hidden)

data = torch.arange(12, dtype=torch.float32).reshape(4, 3) / 12
target = data.sum(dim=1, keepdim=True)
net = Net(4)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    for start in range(0, 4, 2):
        batch, wanted = data[start : start + 2], target[start : start + 2]
        optimizer.zero_grad()
        output = net(batch)
        loss = ((output - wanted) ** 2).mean()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item() >= 0, net.first.weight.grad.shape)
with torch.no_grad():
    weights = net.last.weight
    kinds = [torch.tensor(3), torch.tensor([True, False]), torch.tensor(0.5, dtype=torch.float16), torch.zeros(0), torch.tensor([1, 2], dtype=torch.int8), torch.ones(2, dtype=torch.bfloat16)]
    for tensor in kinds:
        print(tensor.dtype, tensor.shape, tensor.numel())
    big = torch.ones(100, 100)
    view = big[0, :3]
    view += 1
print(big.sum().item(), view.tolist(), data.T[0], weights.requires_grad, torch.device("cpu"), int(torch.argmax(view)))
