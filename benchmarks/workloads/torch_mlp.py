"""A two-layer perceptron in PyTorch, trained on minibatches of 64. usage: torch_mlp.py EPOCHS"""

import sys
import time

import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
inputs = torch.randn(2000, 64)
labels = (inputs[:, 0] > 0).float()
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.BCEWithLogitsLoss()
begin = time.process_time()
for _ in range(int(sys.argv[1])):
    order = torch.randperm(len(inputs))
    for first in range(0, len(inputs), 64):
        chosen = order[first : first + 64]
        batch, wanted = inputs[chosen], labels[chosen]
        optimizer.zero_grad()
        output = model(batch)[:, 0]
        loss = criterion(output, wanted)
        loss.backward()
        optimizer.step()
print(time.process_time() - begin, loss.item())
