#pragma once
#define HELLO "Bonjour"
