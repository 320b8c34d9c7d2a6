#pragma once
#define HELLO "Hello"
